import { useState } from 'preact/hooks';
import type { Failure, License } from '../api/client';
import { search } from '../api/staff';
import { useSession } from '../console/session';
import { useLoad } from '../console/use-load';
import { typesOf } from '../license/roles';
import { cleanServerToken } from '../license/server-token';
import * as paths from '../paths';
import { Button, ButtonLink } from '../ui/button';
import { TextField } from '../ui/field';
import { LicenseTable } from '../ui/license-table';
import { PageTitle } from '../ui/shell';
import { FailureCallout } from './failure';
import { useSlow } from './use-slow';

/** Every license of one server, newest first. The Server Token is in the address. */
export function LicensesPage({ token }: { token: string }) {
  const { accessToken, role } = useSession();
  const [typed, setTyped] = useState(token);
  const cleaned = token ? cleanServerToken(token) : null;
  const [error, setError] = useState(cleaned && !cleaned.ok ? cleaned.error : null);
  const [more, setMore] = useState<{ items: License[]; next: string | null } | null>(null);
  const [olderFailure, setOlderFailure] = useState<Failure | null>(null);
  const asked = cleaned?.ok ? cleaned.token : '';
  const first = useLoad(asked, () => search(accessToken, asked));
  const slow = useSlow(first.busy);

  const find = (event: Event) => {
    event.preventDefault();
    const result = cleanServerToken(typed);
    setError(result.ok ? null : result.error);
    if (!result.ok) document.getElementById('find')?.focus();
    else if (result.token === asked) first.reload();
    else location.hash = paths.licenses(result.token);
  };
  const items = [...(first.value?.items ?? []), ...(more?.items ?? [])];
  const next = more ? more.next : (first.value?.nextCursor ?? null);
  const older = async (cursor: string) => {
    const page = await search(accessToken, asked, cursor);
    setOlderFailure(page.ok ? null : page.failure);
    if (page.ok) setMore({ items: [...(more?.items ?? []), ...page.value.items], next: page.value.nextCursor });
  };
  return (
    <div class="stack-32">
      <div>
        <PageTitle title="Licenses" />
        <p class="lead">Every license of a server, newest first.</p>
      </div>
      <form class="big-search reading-width" noValidate onSubmit={find}>
        <TextField id="find" label="Server Token" mono error={error} value={typed} onValue={setTyped} />
        <Button
          type="submit"
          kind={items.length > 0 ? 'default' : 'filled'}
          icon="search"
          working={slow ? 'Looking…' : null}
        >
          Find licenses
        </Button>
      </form>
      {first.failure && <FailureCallout failure={first.failure} doing="looking" onRetry={first.reload} />}
      {first.value && items.length === 0 && (
        <div class="card empty">
          <h2 class="card-title">No license matches “{asked}”</h2>
          <p>Compare it with the Server Token in QMS. A new server has no license until one is issued.</p>
          <div class="actions">
            <ButtonLink href={paths.licenses()}>Clear the search</ButtonLink>
            {typesOf(role).length > 0 && <ButtonLink href={paths.issue(asked)}>Issue a license for it</ButtonLink>}
          </div>
        </div>
      )}
      {items.length > 0 && (
        <section class="stack-16" aria-label={`Licenses of ${asked}`}>
          <LicenseTable items={items} addressOf={paths.license} />
          {olderFailure && <FailureCallout failure={olderFailure} doing="looking" />}
          <div class="actions">
            {next && <Button onClick={() => void older(next)}>Show older licenses</Button>}
            {typesOf(role).length > 0 && <a href={paths.issue(asked)}>Issue a license for this server</a>}
          </div>
        </section>
      )}
    </div>
  );
}
