import { useEffect, useRef, useState } from 'preact/hooks';
import { isCode, type License, type Success } from '../../api/client';
import { renew } from '../../api/staff';
import { useDraft } from '../../console/draft';
import { leaveFlash } from '../../console/flash';
import { useSession } from '../../console/session';
import { useWrite } from '../../console/use-write';
import { dayWords, mostMonths, renewedUntil, today } from '../../license/dates';
import { seatsWords } from '../../license/seats';
import * as paths from '../../paths';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { SelectField, TextField } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { FailureCallout } from '../failure';
import { parseMonths, termOptions } from '../term';
import { type Basis, BasisChoice } from './basis-choice';

interface Props {
  license: License & { expiresOn: string };
  etag: string;
  filled: boolean;
  onReload: () => void;
}

/** Renews a subscription: both dates are shown before the basis is chosen. */
export function Renew({ license, etag, filled, onReload }: Props) {
  const { accessToken } = useSession();
  const lapsed = license.status === 'expired';
  const [draft, change, clear] = useDraft(`renew:${license.id}`, () => ({
    open: false,
    contract: license.contract ?? '',
    term: '12',
    months: '',
    basis: (lapsed ? null : 'expiration') as Basis | null,
  }));
  // Leaving the page closes the dialog; a reload or a sign-in does not.
  const open = useRef(draft.open);
  open.current = draft.open;
  useEffect(
    () => () => {
      if (open.current) change({ open: false });
    },
    [],
  );
  const [errors, setErrors] = useState<{ contract?: string; months?: string; basis?: string }>({});
  const done = ({ license: renewed, previousExpiresOn, expiresOn }: Success<'renew'>) => {
    clear();
    leaveFlash({
      id: renewed.id,
      title: `Renewed until ${dayWords(expiresOn)}`,
      text: `It ended on ${dayWords(previousExpiresOn)} before. Send the new license key to the customer.`,
    });
    location.hash = paths.license(renewed.id);
  };
  const writer = useWrite((write: Parameters<typeof renew>[2]) => renew(accessToken, license.id, write), done);

  const now = today();
  const months = parseMonths(draft.term, draft.months);
  const until = (basis: Basis) => (months === null ? null : renewedUntil(basis, license, months, now));
  const end = draft.basis && until(draft.basis);
  const submit = () => {
    const contract = draft.contract.trim();
    const found = {
      ...(contract === '' ? { contract: 'Enter the contract that the renewal follows.' } : {}),
      ...(months === null ? { months: `Enter 1 to ${mostMonths} months.` } : {}),
      ...(draft.basis === null ? { basis: 'Choose where the new term starts.' } : {}),
    };
    setErrors(found);
    const wrong = Object.keys(found)[0];
    if (wrong || months === null || draft.basis === null) {
      document.querySelector<HTMLElement>(wrong === 'basis' ? 'dialog input[type=radio]' : `#renew-${wrong}`)?.focus();
      return;
    }
    writer.submit({
      path: `renew:${license.id}`,
      body: { contract, termMonths: months, basis: draft.basis },
      ifMatch: etag,
    });
  };
  const close = () => {
    change({ open: false });
    writer.forget();
  };
  const conflict =
    writer.failure && (isCode(writer.failure, 'version_conflict') || isCode(writer.failure, 'not_current'));
  return (
    <>
      <Button kind={filled ? 'filled' : 'default'} icon="renew" onClick={() => change({ open: true })}>
        Renew
      </Button>
      {draft.open && (
        <Dialog
          title={`Renew ${license.customer}`}
          working={writer.working}
          onClose={close}
          onSubmit={submit}
          foot={
            <Button kind="filled" type="submit" working={writer.working ? 'Renewing…' : null}>
              {writer.failure && !conflict ? 'Try again' : end ? `Renew until ${dayWords(end)}` : 'Renew'}
            </Button>
          }
        >
          <p class="muted">
            Subscription{license.contract && `, contract ${license.contract}`}, {seatsWords(license.seats)} seats. Seats
            and Server Token stay the same.
          </p>
          {writer.failure && (
            <FailureCallout failure={writer.failure} doing="renewing">
              {conflict && (
                <Button
                  onClick={() => {
                    close();
                    onReload();
                  }}
                >
                  Show what changed
                </Button>
              )}
            </FailureCallout>
          )}
          <div class="row">
            <TextField
              id="renew-contract"
              label="Contract"
              error={errors.contract ?? null}
              value={draft.contract}
              onValue={(contract) => change({ contract })}
            />
            <SelectField
              id="renew-term"
              label="Renew for"
              options={termOptions}
              value={draft.term}
              onValue={(term) => change({ term })}
            />
            {draft.term === 'months' && (
              <TextField
                id="renew-months"
                label="Months"
                numeric
                error={errors.months ?? null}
                value={draft.months}
                onValue={(text) => change({ months: text })}
              />
            )}
          </div>
          <BasisChoice
            license={license}
            now={now}
            chosen={draft.basis}
            until={until}
            error={errors.basis ?? null}
            onChoose={(basis) => change({ basis })}
          />
          <p class="note muted">
            <Icon name="know" />
            <span>
              A new license key is made. The customer must load it
              {lapsed
                ? ' for QMS to work again.'
                : ` by ${license.expiresOn < now ? '12:00 UTC today' : dayWords(license.expiresOn)}; the old one works until then.`}
            </span>
          </p>
        </Dialog>
      )}
    </>
  );
}
