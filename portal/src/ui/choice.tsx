import type { ComponentChildren } from 'preact';
import { Icon } from './icons';

interface Props {
  name: string;
  title: string;
  text: string;
  chosen: boolean;
  /** Not this role's: dashed, with a lock; the text says who can. */
  closed?: boolean;
  aside?: ComponentChildren;
  onChoose?: () => void;
}

/** A radio as a card; the whole card is its label. */
export function Choice({ name, title, text, chosen, closed, aside, onChoose }: Props) {
  const words = (
    <span class="choice-words">
      <span class="choice-line">
        <strong>{title}</strong>
        {aside}
      </span>
      <span class="hint">{text}</span>
    </span>
  );
  if (closed) {
    return (
      <div class="choice closed">
        <Icon name="lock" />
        {words}
      </div>
    );
  }
  return (
    <label class="choice">
      <input type="radio" name={name} checked={chosen} onChange={onChoose} />
      {words}
    </label>
  );
}
