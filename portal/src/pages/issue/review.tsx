import { isCode, type License } from '../../api/client';
import { issue, issueTemporary, type Write } from '../../api/staff';
import { useSession } from '../../console/session';
import { useWrite } from '../../console/use-write';
import { dayWords } from '../../license/dates';
import { kindWords } from '../../license/roles';
import { boughtWords, seatsOf, seatsWords } from '../../license/seats';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import type { ViewFacts } from '../../ui/license-view';
import { FailureCallout } from '../failure';
import type { IssueRequest } from './read';

interface Props {
  request: IssueRequest;
  facts: ViewFacts;
  replaces: License | null;
  onClose: () => void;
  onIssued: (license: License) => void;
  /** The page must look at the server again. */
  onStale: () => void;
}

/** Says in words what will be issued; nothing is before it is confirmed. */
export function Review({ request, facts, replaces, onClose, onIssued, onStale }: Props) {
  const { accessToken, person, role } = useSession();
  const call = (write: Write<IssueRequest['body']>) =>
    request.path === 'issue'
      ? issue(accessToken, { ...write, body: request.body })
      : issueTemporary(accessToken, { ...write, body: request.body });
  const writer = useWrite(call, ({ license }) => onIssued(license));
  const stale =
    writer.failure &&
    (isCode(writer.failure, 'version_conflict') ||
      isCode(writer.failure, 'base_license_exists') ||
      isCode(writer.failure, 'not_current'));
  const { customer } = request.body;
  const until = facts.expiresOn ? `Issue until ${dayWords(facts.expiresOn)}` : 'Issue the permanent license';
  const end = facts.expiresOn ? `It works through ${dayWords(facts.expiresOn)}.` : 'It has no expiration date.';
  return (
    <Dialog
      title={`Issue ${kindWords(facts.type, facts.purpose ?? null)} for ${customer}`}
      working={writer.working}
      onClose={onClose}
      onSubmit={() => writer.submit(request)}
      foot={
        <Button kind="filled" type="submit" working={writer.working ? 'Issuing…' : null}>
          {writer.failure && !stale ? 'Try again' : until}
        </Button>
      }
    >
      {writer.failure && (
        <FailureCallout failure={writer.failure} doing="issuing">
          {stale && <Button onClick={onStale}>Show what changed</Button>}
        </FailureCallout>
      )}
      <div class="stack-8">
        <p>
          {boughtWords(facts.modules)} = <strong class="nowrap">{seatsWords(seatsOf(facts.modules))} seats</strong>.{' '}
          {end}
        </p>
        <p>
          For the server <code>{facts.serverToken}</code> only.
        </p>
        {'contract' in request.body && <p>Contract {request.body.contract}.</p>}
        {'order' in request.body && <p>Order {request.body.order}; all 4 conditions of the sale are met.</p>}
        {replaces && (
          <p>
            It replaces {kindWords(replaces.type, null)} that was issued on {dayWords(replaces.issuedOn)}.
          </p>
        )}
        <p class="muted">
          It is signed at once and recorded as issued by {person.username}, {role}. A license that is issued cannot be
          called back from a server that has loaded it.
        </p>
      </div>
    </Dialog>
  );
}
