import { useState } from 'preact/hooks';
import { useSession } from '../console/session';
import { dayWords, today } from '../license/dates';
import { issuesSold, purposesOf, type Role, renews } from '../license/roles';
import { cleanServerToken } from '../license/server-token';
import * as paths from '../paths';
import { Button, ButtonLink } from '../ui/button';
import { TextField } from '../ui/field';
import { Icon } from '../ui/icons';
import { PageTitle } from '../ui/shell';

/** Find a server, and what this role can do here. */
export function HomePage() {
  const { role } = useSession();
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<string | null>(null);
  const find = (event: Event) => {
    event.preventDefault();
    const cleaned = cleanServerToken(typed);
    setError(cleaned.ok ? null : cleaned.error);
    if (cleaned.ok) location.hash = paths.licenses(cleaned.token);
    else document.getElementById('find')?.focus();
  };
  const issuing = issueWords(role);
  return (
    <>
      <div class="head">
        <div>
          <PageTitle title="Home" />
          <p class="lead">{dayWords(today())}. Start from a Server Token.</p>
        </div>
        {issuing && <ButtonLink href={paths.issue()}>{issuing}</ButtonLink>}
      </div>
      <div class="columns">
        <section class="card padded stack-16">
          <h2>Find a server's licenses</h2>
          <form class="big-search" noValidate onSubmit={find}>
            <TextField
              id="find"
              label="Server Token"
              hint="In QMS, at the top right of the license screen."
              mono
              error={error}
              value={typed}
              onValue={setTyped}
            />
            <Button type="submit" kind="filled" icon="search">
              Find licenses
            </Button>
          </form>
        </section>
        <section aria-labelledby="can" class="stack-8">
          <h2 id="can">What you can do</h2>
          <ul class="can">
            {doors(role).map((door) => (
              <li key={door.what} class={door.open ? 'open' : 'shut'}>
                <Icon name={door.open ? 'ok' : 'lock'} />
                <div>
                  <p>{door.open ? <strong>{door.what}</strong> : door.what}</p>
                  <p class="hint">{door.why}</p>
                </div>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

function issueWords(role: Role): string | null {
  if (issuesSold(role)) return 'Issue a license';
  const [first] = purposesOf(role);
  if (!first) return null;
  return first === 'trial' ? 'Issue a trial' : 'Issue a temporary license';
}

interface Door {
  what: string;
  open: boolean;
  /** What it is for, or who has the key. */
  why: string;
}

function doors(role: Role): Door[] {
  const trial = purposesOf(role).includes('trial');
  const emergency = purposesOf(role).includes('emergency');
  const door = (what: string, open: boolean, use: string, who: string): Door => ({ what, open, why: open ? use : who });
  const all = [
    door('Find and show licenses', true, 'Every license of a server, newest first.', ''),
    door('Issue trials', trial, 'Up to 30 days, for a customer who tries QMS.', 'Sales issues these.'),
    door(
      'Issue troubleshooting and emergency licenses',
      emergency,
      'To find a fault, or to bridge an emergency.',
      'Support issues these.',
    ),
    door(
      'Issue subscriptions and permanent licenses',
      issuesSold(role),
      'Permanent ones when all 4 conditions of the sale are met.',
      'Accounting issues these.',
    ),
    door(
      'Renew subscriptions',
      renews(role),
      'By contract, from the expiration date or from today.',
      'Accounting renews licenses.',
    ),
  ];
  return [...all.filter((d) => d.open), ...all.filter((d) => !d.open)];
}
