import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons';

interface Props {
  kind?: 'filled' | 'default' | 'quiet';
  small?: boolean;
  icon?: IconName;
  type?: 'button' | 'submit';
  /** While it works: what it does, in place of its name. */
  working?: string | null;
  /** Why it cannot be used, as the id of the sentence that says so. It stays focusable. */
  closedBy?: string | null;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button({
  kind = 'default',
  small,
  icon,
  type = 'button',
  working,
  closedBy,
  onClick,
  children,
}: Props) {
  const click = (event: Event) => {
    if (working || closedBy) event.preventDefault();
    else onClick?.();
  };
  const shape = `button ${kind}${small ? ' small' : ''}${closedBy ? ' closed' : ''}`;
  return (
    <button
      type={type}
      class={shape}
      aria-disabled={working || closedBy ? 'true' : undefined}
      aria-describedby={closedBy ?? undefined}
      onClick={click}
    >
      {closedBy ? <Icon name="lock" /> : working ? <Icon name="clock" /> : icon && <Icon name={icon} />}
      <span>{working || children}</span>
    </button>
  );
}

/** A link that looks like a button: it leads somewhere. */
export function ButtonLink({
  kind = 'default',
  href,
  children,
}: {
  kind?: 'filled' | 'default';
  href: string;
  children: ComponentChildren;
}) {
  return (
    <a class={`button ${kind}`} href={href}>
      {children}
    </a>
  );
}
