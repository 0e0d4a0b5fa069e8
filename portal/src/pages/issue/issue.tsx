import { useEffect, useState } from 'preact/hooks';
import type { License } from '../../api/client';
import { useDraft } from '../../console/draft';
import { leaveFlash } from '../../console/flash';
import { useSession } from '../../console/session';
import { dayWords, today } from '../../license/dates';
import { kindWords, roleName, typesOf } from '../../license/roles';
import * as paths from '../../paths';
import { Button } from '../../ui/button';
import { Callout } from '../../ui/callout';
import { TextField } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { LicenseView } from '../../ui/license-view';
import { PageTitle } from '../../ui/shell';
import { BaseCallout } from './base-callout';
import { PermanentTerm } from './conditions';
import { emptyDraft, isTicked, withToken } from './draft';
import { readDraft } from './read';
import { Review } from './review';
import { SeatsTable } from './seats';
import { ServerNote } from './server-note';
import { SubscriptionTerm, TemporaryTerm } from './terms';
import { TypeChoice } from './type-choice';
import { useServer } from './use-server';

/** Issues a license of a type that the role may issue. */
export function IssuePage({ token }: { token: string }) {
  const { role, person } = useSession();
  const [draft, change, clear] = useDraft('issue', () => emptyDraft(role));
  const [tried, setTried] = useState(0);
  const [reviewing, setReviewing] = useState(false);
  const server = useServer(draft.token);
  const { facts, errors, shortage, closed, request } = readDraft(draft, server.base, today());
  const shown = tried > 0 ? errors : {};
  const last = server.licenses?.[0];

  useEffect(() => {
    if (!token) return;
    change(withToken(draft, token));
    // Taken once: a reload or a sign-in keeps what is typed from here on.
    history.replaceState(null, '', paths.issue());
    dispatchEvent(new Event('hashchange'));
  }, [token]);
  useEffect(() => {
    if (last && (draft.customer === '' || draft.filledIn)) change({ customer: last.customer, filledIn: true });
  }, [last?.id]);

  useEffect(() => {
    const [first, second] = Object.keys(shown);
    if (second) document.getElementById('problems')?.focus();
    else if (first && !closed) document.getElementById(first)?.focus();
  }, [tried]);

  const review = () => {
    setTried(tried + 1);
    if (!closed && request) setReviewing(true);
  };
  const issued = (license: License) => {
    clear();
    const end = license.expiresOn ? `works through ${dayWords(license.expiresOn)}` : 'has no expiration date';
    const what = kindWords(license.type, license.purpose).replace(/^an? /, '');
    leaveFlash({
      id: license.id,
      title: `${what.charAt(0).toUpperCase()}${what.slice(1)} issued for ${license.customer}`,
      text: `It ${end}. Send the license key to the customer, who can also get it by the Server Token.`,
    });
    location.hash = paths.license(license.id);
  };
  const terms = { draft, errors: shown, change, expiresOn: facts.expiresOn };
  return (
    <>
      <PageTitle title="Issue a license" />
      <p class="lead">The Server Token comes first: it fills in what is already known.</p>
      <div class="columns">
        <form
          class="form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            review();
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && event.ctrlKey) review();
          }}
        >
          {Object.keys(shown).length > 1 && <Summary errors={shown} />}
          <TextField
            id="token"
            label="Server Token"
            hint="In QMS, at the top right of the license screen."
            mono
            error={shown['token'] ?? null}
            value={draft.token}
            onValue={(text) => change(withToken(draft, text))}
            note={<ServerNote server={server} />}
          />
          <TextField
            id="customer"
            label="Customer"
            error={shown['customer'] ?? null}
            value={draft.customer}
            {...(draft.filledIn ? { hint: 'Filled in from the last license of this server.' } : {})}
            onValue={(customer) => change({ customer, filledIn: false })}
          />
          <SeatsTable draft={draft} errors={shown} shortage={shortage} change={change} />
          <TypeChoice draft={draft} role={role} change={change} />
          {server.base && <BaseCallout base={server.base} draft={draft} change={change} />}
          {draft.type === 'temporary' && <TemporaryTerm {...terms} />}
          {draft.type === 'subscription' && <SubscriptionTerm {...terms} />}
          {draft.type === 'permanent' && <PermanentTerm {...terms} />}
          <div class="stack-8">
            <hr />
            <div class="actions">
              <Button kind="filled" type="submit" closedBy={closed && 'review-why'}>
                Review
              </Button>
              <Button
                kind="quiet"
                onClick={() => {
                  clear();
                  location.hash = paths.home;
                }}
              >
                Cancel
              </Button>
            </div>
            <p id="review-why" class="note muted">
              {closed && <Icon name="know" />}
              {closed ?? 'Nothing is issued before you confirm.'}
            </p>
          </div>
        </form>
        <aside class="stack-8 preview" aria-labelledby="preview">
          <h2 id="preview" class="card-title">
            What QMS will show
          </h2>
          <LicenseView
            facts={facts}
            shortOf={shortage?.module ? { module: shortage.module, add: shortage.add } : null}
          />
          {typesOf(role).length > 0 && (
            <p class="hint">
              It will be recorded as issued by {person.username}, {roleName(role).toLowerCase()}.
            </p>
          )}
        </aside>
      </div>
      {reviewing && request && (
        <Review
          request={request}
          facts={facts}
          replaces={server.base && isTicked(draft, server.base) ? server.base : null}
          onClose={() => setReviewing(false)}
          onIssued={issued}
          onStale={() => {
            setReviewing(false);
            server.reload();
          }}
        />
      )}
    </>
  );
}

/** Two or more errors: a summary takes focus when the form is sent, each line leads to its field. */
function Summary({ errors }: { errors: Record<string, string> }) {
  const all = Object.entries(errors);
  return (
    <Callout tone="bad" id="problems" focusable title={`${all.length} fields need a change`}>
      {all.map(([id, text]) => (
        <div key={id}>
          <button type="button" class="link" onClick={() => document.getElementById(id)?.focus()}>
            {text}
          </button>
        </div>
      ))}
    </Callout>
  );
}
