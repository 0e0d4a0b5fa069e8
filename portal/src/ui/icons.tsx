// Icons on a 16 px grid, always beside a word.

const shapes = {
  check: 'M3 8.5l3.2 3.2L13 5',
  ok: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM5.2 8.2l2 2l3.6-4',
  bad: 'M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3zM8 4.8v3.7M8 11v.1',
  warn: 'M8 2l6.5 11.5h-13zM8 6.5v3M8 11.4v.1',
  know: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM8 7.3v3.9M8 4.8v.1',
  open: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13z',
  clock: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM8 4.5V8l2.3 1.6',
  lock: 'M4 7.2h8v6.3H4zM5.5 7.2V5a2.5 2.5 0 0 1 5 0v2.2',
  revoked: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM3.6 3.6l8.8 8.8',
  superseded: 'M2.5 6.5A5.8 5.8 0 1 1 2.3 9M2.2 2.8v3.8H6',
  renew: 'M13.5 6.5A5.8 5.8 0 1 0 13.7 9M13.8 2.8v3.8H10',
  pending: 'M3 8h.1M8 8h.1M13 8h.1',
  copy: 'M5.5 5.5h8v8h-8zM3.2 10.5h-.7v-8h8v.7',
  download: 'M8 2v8M4.8 7L8 10.2L11.2 7M2.5 13.5h11',
  arrow: 'M2.5 8h11M9.3 3.8L13.5 8l-4.2 4.2',
  search: 'M7 2.2a4.8 4.8 0 1 0 0 9.6a4.8 4.8 0 0 0 0-9.6zM10.6 10.6l3.4 3.4',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h7',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 28 28" aria-hidden="true" focusable="false">
      <rect width="28" height="28" rx="6" />
      <path d="M8.5 7.5v13M14 11.5v9M19.5 9.5v11" />
    </svg>
  );
}
