import { useEffect, useState } from 'preact/hooks';
import { roleName } from '../license/roles';
import { cleanServerToken } from '../license/server-token';
import * as paths from '../paths';
import { Button } from '../ui/button';
import { Icon } from '../ui/icons';
import { useSession } from './session';

/** Right in the header: search from anywhere, who is signed in, Sign out. */
export function Aside() {
  const { person, role, signOut } = useSession();
  const [typed, setTyped] = useState('');
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
      const asked = (event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing);
      if (!asked || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      document.getElementById('search')?.focus();
    };
    addEventListener('keydown', open);
    return () => removeEventListener('keydown', open);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const cleaned = cleanServerToken(typed);
    location.hash = paths.licenses(cleaned.ok ? cleaned.token : typed.trim());
    setTyped('');
  };
  return (
    <>
      <search>
        <form class="search" onSubmit={submit}>
          <Icon name="search" />
          <input
            id="search"
            type="text"
            aria-label="Search by Server Token"
            placeholder="Server Token"
            autoComplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
          <kbd>Ctrl K</kbd>
        </form>
      </search>
      <p class="person">
        <strong>{person.username}</strong>
        <span>{roleName(role)}</span>
      </p>
      <Button small onClick={signOut}>
        Sign out
      </Button>
    </>
  );
}
