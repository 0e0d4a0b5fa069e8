import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Button } from './button';

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** The button that states the result; "Go back" is beside it. */
  foot: ComponentChildren;
  /** While an answer is on its way, the dialog stays: it must tell the outcome. */
  working: boolean;
  onSubmit: () => void;
}

/**
 * A native modal dialog: Esc closes it and focus goes back to where it was. Focus starts on the chosen radio or the first
 * field; a dialog without fields is to be read, so it starts on the title and no second Enter can confirm it.
 */
export function Dialog({ title, onClose, children, foot, working, onSubmit }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [held, setHeld] = useState(false);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    const find = (what: string) => dialog.current?.querySelector<HTMLElement>(`.dialog-body ${what}`);
    (find('input:checked') ?? find(':is(input, select)') ?? heading.current)?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = () => {
    setHeld(working);
    if (!working) onClose();
    else if (!dialog.current?.open) dialog.current?.showModal(); // a browser lets a second Esc through
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        if (!working) return;
        event.preventDefault();
        close();
      }}
      onClose={close}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <div class="dialog-body">
          <h2 id="dialog-title" ref={heading} tabIndex={-1}>
            {title}
          </h2>
          {children}
        </div>
        <div class="dialog-foot">
          {foot}
          <Button onClick={close}>Go back</Button>
          <p class="hint" role="status">
            {held && working && 'Wait for the answer: it says what happened.'}
          </p>
        </div>
      </form>
    </dialog>
  );
}
