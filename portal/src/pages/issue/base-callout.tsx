import type { License } from '../../api/client';
import { dayWords } from '../../license/dates';
import { kindWords, typeName } from '../../license/roles';
import { seatsWords } from '../../license/seats';
import * as paths from '../../paths';
import { Callout } from '../../ui/callout';
import { type Draft, isTicked } from './draft';

interface Props {
  base: License;
  draft: Draft;
  change: (part: Partial<Draft>) => void;
}

/** The server has an active sold license: what that means for the one that is being issued. */
export function BaseCallout({ base, draft, change }: Props) {
  const end = base.expiresOn ? `until ${dayWords(base.expiresOn)}` : 'without an end';
  const has = `${typeName(base.type)} of ${base.customer}, ${seatsWords(base.seats)} seats, ${end}.`;
  const open = <a href={paths.license(base.id)}>Open it</a>;
  if (draft.type === 'temporary' && draft.purpose === 'trial') {
    return (
      <Callout tone="bad" title="No trial on a server with a sold license">
        <p>
          {has} {open}
        </p>
      </Callout>
    );
  }
  if (draft.type === 'temporary') {
    return (
      <Callout tone="know" title={`This server has ${kindWords(base.type, null)}`}>
        <p>
          {has} A temporary license needs at least its seats. {open}
        </p>
      </Callout>
    );
  }
  return (
    <Callout tone="warn" title={`This server has ${kindWords(base.type, null)} already`}>
      <p>
        {has} {open}
        {base.type === 'subscription' && ' to renew it instead.'}
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={isTicked(draft, base)}
          onChange={(event) =>
            change({ replaces: event.currentTarget.checked ? { id: base.id, version: base.version } : null })
          }
        />
        <span>The new license replaces it. Its license key still works where it is loaded.</span>
      </label>
    </Callout>
  );
}
