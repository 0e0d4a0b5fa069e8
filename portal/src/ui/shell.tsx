import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, Mark } from './icons';

export interface HeaderLink {
  name: string;
  href: string;
  current: boolean;
}

interface Props {
  home: string;
  links: readonly HeaderLink[];
  /** Right in the header: search and person for staff, the way to the console for customers. */
  aside: ComponentChildren;
  foot: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}

/** Header, content and foot of every page. */
export function Shell({ home, links, aside, foot, wide, children }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <div class={`page${wide ? ' wide' : ''}`}>
      <button type="button" class="button skip" onClick={() => document.querySelector('h1')?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <div class="inner">
          <a class="name" href={home}>
            <Mark />
            QMS Licensing
          </a>
          <button
            type="button"
            class="button default menu"
            aria-expanded={open}
            aria-controls="menu"
            onClick={() => setOpen(!open)}
          >
            <Icon name="menu" />
            Menu
          </button>
          <div id="menu" class={open ? 'open' : undefined}>
            <nav aria-label="Pages">
              {links.map((link) => (
                <a
                  key={link.href}
                  href={link.href}
                  aria-current={link.current ? 'page' : undefined}
                  onClick={() => setOpen(false)}
                >
                  {link.name}
                </a>
              ))}
            </nav>
            <div class="aside">{aside}</div>
          </div>
        </div>
      </header>
      <main class="inner">{children}</main>
      <footer class="foot">
        <div class="inner split">{foot}</div>
      </footer>
    </div>
  );
}

/** The title of a page: named in the tab, and it takes focus when the page has changed. */
export function PageTitle({ title, takesFocus = true }: { title: string; takesFocus?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${title} · QMS Licensing`;
    if (takesFocus) heading.current?.focus();
  }, [title, takesFocus]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {title}
    </h1>
  );
}
