import type { ComponentChildren } from 'preact';
import { Icon } from './icons';

interface FrameProps {
  id: string;
  label: string;
  hint?: string;
  error?: string | null;
  /** Under the control: what the value means. */
  note?: ComponentChildren;
  children: ComponentChildren;
}

/** The ids that describe the control of a field. */
export const describedBy = (id: string, hint?: string, error?: string | null): string | undefined =>
  [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;

export function Field({ id, label, hint, error, note, children }: FrameProps) {
  return (
    <div class={`field${error ? ' wrong' : ''}`}>
      <label for={id}>{label}</label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          <Icon name="bad" />
          {error}
        </p>
      )}
      {children}
      {note}
    </div>
  );
}

interface TextProps extends Omit<FrameProps, 'children'> {
  value: string;
  onValue: (value: string) => void;
  type?: 'text' | 'date';
  mono?: boolean;
  numeric?: boolean;
  autoFocus?: boolean;
}

export function TextField({ value, onValue, type = 'text', mono, numeric, autoFocus, ...frame }: TextProps) {
  const { id, hint, error } = frame;
  const shared = {
    id,
    name: id,
    value,
    class: mono ? 'mono' : undefined,
    'aria-invalid': error ? ('true' as const) : undefined,
    'aria-describedby': describedBy(id, hint, error),
    autoComplete: 'off',
    autoFocus,
    spellcheck: false,
    onInput: (event: { currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value),
  };
  return (
    <Field {...frame}>
      {type === 'date' ? (
        <input type="date" {...shared} />
      ) : (
        <input
          type="text"
          inputMode={numeric ? 'numeric' : undefined}
          autoCapitalize={mono ? 'characters' : undefined}
          {...shared}
        />
      )}
    </Field>
  );
}

interface SelectProps extends Omit<FrameProps, 'children'> {
  value: string;
  options: readonly (readonly [value: string, name: string])[];
  onValue: (value: string) => void;
}

export function SelectField({ value, options, onValue, ...frame }: SelectProps) {
  return (
    <Field {...frame}>
      <select id={frame.id} name={frame.id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}
