import { type License, sessionOver } from '../../api/client';
import type { Loaded } from '../../console/use-load';
import { dayWords } from '../../license/dates';
import { typeName } from '../../license/roles';
import { seatsWords } from '../../license/seats';
import * as paths from '../../paths';
import { StatusBadge } from '../../ui/badge';
import { Button } from '../../ui/button';
import { SignInAgain } from '../sign-in-again';

interface Props {
  current: string;
  token: string;
  others: Loaded<{ items: License[]; nextCursor: string | null }>;
}

/** The licenses of this server, newest first; the one shown is marked. */
export function Chain({ current, token, others }: Props) {
  return (
    <section class="card padded stack-16" aria-labelledby="chain">
      <h2 id="chain" class="card-title">
        Licenses of this server
      </h2>
      {others.failure && (
        <p>
          {sessionOver(others.failure) ? 'Your session ended.' : 'They could not be read.'}{' '}
          {sessionOver(others.failure) ? (
            <SignInAgain small />
          ) : (
            <Button small onClick={others.reload}>
              Try again
            </Button>
          )}
        </p>
      )}
      <ol class="timeline">
        {others.value?.items.map((license) => (
          <li key={license.id} class={license.id === current ? 'now' : undefined}>
            <div class="split">
              <Name license={license} current={license.id === current} />
              <StatusBadge status={license.status} />
            </div>
            <p>
              {dayWords(license.startsOn)} to {license.expiresOn ? dayWords(license.expiresOn) : 'Never'}
            </p>
            <p class="hint">{seatsWords(license.seats)} seats</p>
          </li>
        ))}
      </ol>
      {others.value?.nextCursor && <a href={paths.licenses(token)}>Show all licenses of this server</a>}
    </section>
  );
}

function Name({ license, current }: { license: License; current: boolean }) {
  const name = `${license.sequence}. ${typeName(license.type)}${license.purpose ? `, ${license.purpose}` : ''}`;
  return current ? <strong aria-current="true">{name}</strong> : <a href={paths.license(license.id)}>{name}</a>;
}
