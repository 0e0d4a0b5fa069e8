import { type License, sessionOver } from '../../api/client';
import { failureWords } from '../../api/problem-words';
import { dayWords } from '../../license/dates';
import { kindWords } from '../../license/roles';
import { boughtWords } from '../../license/seats';
import * as paths from '../../paths';
import { Button } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { SignInAgain } from '../sign-in-again';
import type { Server } from './use-server';

/** Under the Server Token: whether the server is known, and by what. */
export function ServerNote({ server }: { server: Server }) {
  const { licenses, failure, reload } = server;
  const last = licenses?.[0];
  if (failure) {
    const words = failureWords(failure, 'looking');
    return (
      <p class="note" role="status">
        <Icon name="warn" />
        <span>
          <strong>{words.title}.</strong> {words.text}{' '}
          {sessionOver(failure) ? (
            <SignInAgain small />
          ) : (
            <Button small onClick={reload}>
              Try again
            </Button>
          )}
        </span>
      </p>
    );
  }
  return (
    <p class={`note${last ? ' ok' : ''}`} role="status">
      {licenses && <Icon name={last ? 'ok' : 'know'} />}
      {last && (
        <span>
          <strong>Known server.</strong> Its last license, {kindWords(last.type, last.purpose)} with{' '}
          {boughtWords(last.modules)}, {stateWords(last)}. <a href={paths.license(last.id)}>Open it</a>
        </span>
      )}
      {licenses && !last && (
        <span>
          <strong>New server.</strong> No license was issued for it yet.
        </span>
      )}
    </p>
  );
}

function stateWords({ status, expiresOn }: License): string {
  if (status === 'active') return expiresOn ? `works through ${dayWords(expiresOn)}` : 'has no end';
  if (status === 'expired' && expiresOn) return `ended on ${dayWords(expiresOn)}`;
  return `is ${status}`;
}
