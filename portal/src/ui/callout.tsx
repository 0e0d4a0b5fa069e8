import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from './copy';
import { Icon } from './icons';

interface Props {
  tone: 'bad' | 'warn' | 'know' | 'ok';
  title: string;
  /** A page problem takes focus when it appears, and again whenever this is another one: the next try failed too. */
  takesFocus?: object | boolean;
  /** Focus is given to it by the page. */
  focusable?: boolean;
  id?: string;
  children?: ComponentChildren;
}

export function Callout({ tone, title, takesFocus, focusable, id, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) box.current?.focus();
  }, [takesFocus]);
  return (
    <div
      ref={box}
      class={`callout ${tone}`}
      id={id}
      tabIndex={takesFocus || focusable ? -1 : undefined}
      role={takesFocus || focusable ? undefined : 'note'}
    >
      <Icon name={tone} />
      <div class="stack-8">
        <p class="card-title">{title}</p>
        {children}
      </div>
    </div>
  );
}

export function RequestId({ id }: { id: string }) {
  return (
    <p class="request-id">
      Request id <code>{id}</code> <CopyButton text={id} label="Copy" of="the request id" />
      <br />
      Send it to support when trying again does not help.
    </p>
  );
}
