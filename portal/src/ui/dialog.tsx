import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  foot: ComponentChildren;
  onSubmit: () => void;
}

/** A native modal dialog: Esc closes it and focus goes back to where it was. */
export function Dialog({ title, onClose, children, foot, onSubmit }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <div class="dialog-body">
          <h2 id="dialog-title">{title}</h2>
          {children}
        </div>
        <div class="dialog-foot">{foot}</div>
      </form>
    </dialog>
  );
}
