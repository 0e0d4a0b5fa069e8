import { useState } from 'preact/hooks';
import { isCode, type License } from '../../api/client';
import { search, show } from '../../api/staff';
import { takeFlash } from '../../console/flash';
import { useSession } from '../../console/session';
import { useLoad } from '../../console/use-load';
import { daysBetween, endsWords, today } from '../../license/dates';
import { renews } from '../../license/roles';
import * as paths from '../../paths';
import { Badge, StatusBadge } from '../../ui/badge';
import { Button, ButtonLink } from '../../ui/button';
import { Callout } from '../../ui/callout';
import { LicenseKey } from '../../ui/license-key';
import { LicenseView } from '../../ui/license-view';
import { PageTitle } from '../../ui/shell';
import { FailureCallout } from '../failure';
import { useSlow } from '../use-slow';
import { Chain } from './chain';
import { Facts } from './facts';
import { Renew } from './renew';

const soon = 30;

/** One license: its view, its facts, the others of its server, and what this role can do with it. */
export function LicensePage({ id }: { id: string }) {
  const { accessToken } = useSession();
  const loaded = useLoad(id, () => show(accessToken, id));
  const slow = useSlow(loaded.busy);
  const license = loaded.value?.license ?? null;
  const token = license?.serverToken ?? '';
  const others = useLoad(token, () => search(accessToken, token));
  const [flash] = useState(() => takeFlash(id));

  if (loaded.failure) return <Refused failure={loaded.failure} onRetry={loaded.reload} />;
  if (!license) {
    return (
      <p class="lead" role="status">
        {slow && 'Looking…'}
      </p>
    );
  }
  const reload = () => {
    loaded.reload();
    others.reload();
  };
  return (
    <>
      <p class="crumbs">
        <a href={paths.licenses(license.serverToken)}>Licenses</a> / {license.customer}
      </p>
      <div class="head">
        <div>
          <PageTitle title={license.customer} />
          <p class="under-title">
            <EndBadge license={license} />
            {license.contract && <span>Contract {license.contract}</span>}
            {license.order && <span>Order {license.order}</span>}
          </p>
        </div>
        <Actions license={license} etag={loaded.etag} filled={!flash} onReload={reload} />
      </div>
      <div class="columns">
        <div class="stack-32">
          {flash && (
            <Callout tone="ok" title={flash.title}>
              <p>{flash.text}</p>
            </Callout>
          )}
          <StatusCallout license={license} />
          <LicenseView facts={license} status={license.status} heading="h2">
            {license.licenseKey && (
              <LicenseKey
                text={license.licenseKey}
                serverToken={license.serverToken}
                oneLine
                filled={flash !== null}
                heading="h2"
              />
            )}
          </LicenseView>
          <Facts license={license} />
        </div>
        <Chain current={license.id} others={others} token={license.serverToken} />
      </div>
    </>
  );
}

function Refused({
  failure,
  onRetry,
}: {
  failure: NonNullable<ReturnType<typeof useLoad>['failure']>;
  onRetry: () => void;
}) {
  const gone = isCode(failure, 'license_not_found');
  return (
    <>
      <PageTitle title="License" takesFocus={false} />
      <div class="reading">
        <FailureCallout failure={failure} doing="looking" {...(gone ? {} : { onRetry })}>
          {gone && <ButtonLink href={paths.licenses()}>Find licenses</ButtonLink>}
        </FailureCallout>
      </div>
    </>
  );
}

/** The status, and for an active license when it ends if that is soon. */
function EndBadge({ license }: { license: License }) {
  const { status, expiresOn } = license;
  if (status !== 'active' || expiresOn === null || daysBetween(today(), expiresOn) > soon) {
    return <StatusBadge status={status} />;
  }
  return <Badge tone="warn" icon="clock" word={endsWords(today(), expiresOn)} />;
}

function StatusCallout({ license }: { license: License }) {
  const { status, supersededBy } = license;
  if (status === 'superseded') {
    return (
      <Callout tone="warn" title="A newer license replaced it">
        <p>
          A copy already loaded keeps working offline.{' '}
          {supersededBy && <a href={paths.license(supersededBy)}>Open the newer license</a>}
        </p>
      </Callout>
    );
  }
  if (status === 'revoked') {
    return (
      <Callout tone="bad" title="It was revoked">
        <p>It is no longer handed out. A copy already loaded keeps working offline.</p>
      </Callout>
    );
  }
  if (status === 'pending' || status === 'void') {
    return (
      <Callout
        tone="warn"
        title={status === 'pending' ? 'It is not signed yet' : 'It was given up before it was signed'}
      >
        <p>
          {status === 'pending'
            ? 'It has no license key until it is. Open this page again in a minute.'
            : 'It has no license key. Issue it again.'}
        </p>
      </Callout>
    );
  }
  return null;
}

interface ActionsProps {
  license: License;
  etag: string | null;
  filled: boolean;
  onReload: () => void;
}

function Actions({ license, etag, filled, onReload }: ActionsProps) {
  const { role } = useSession();
  const { type, status, expiresOn } = license;
  const renewable = type === 'subscription' && expiresOn !== null && (status === 'active' || status === 'expired');
  if (!renewable) return null;
  if (!renews(role)) {
    return (
      <div class="stack-8">
        <Button closedBy="renew-why">Renew</Button>
        <p id="renew-why" class="closed-why">
          Accounting renews licenses.
        </p>
      </div>
    );
  }
  return (
    <Renew
      license={{ ...license, expiresOn }}
      etag={etag ?? `"${license.version}"`}
      filled={filled}
      onReload={onReload}
    />
  );
}
