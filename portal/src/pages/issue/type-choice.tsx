import { type LicenseType, type Purpose, purposesOf, type Role, typeName, typesOf } from '../../license/roles';
import { Choice } from '../../ui/choice';
import type { Draft } from './draft';

const types: readonly LicenseType[] = ['temporary', 'subscription', 'permanent'];

interface Props {
  draft: Draft;
  role: Role;
  change: (part: Partial<Draft>) => void;
}

/** The three types; what the role may not issue stays in its place and says who can. */
export function TypeChoice({ draft, role, change }: Props) {
  const mine = typesOf(role);
  const purposes = purposesOf(role);
  return (
    <div class="stack-16">
      <fieldset>
        <legend>Type</legend>
        <div class="choices">
          {types.map((type) => (
            <Choice
              key={type}
              name="type"
              title={typeName(type)}
              text={mine.includes(type) ? use(type, role) : who(type)}
              closed={!mine.includes(type)}
              chosen={draft.type === type}
              onChoose={() => change({ type })}
            />
          ))}
        </div>
      </fieldset>
      {purposes.length > 1 && (
        <fieldset>
          <legend>Purpose</legend>
          <div class="choices">
            {purposes.map((purpose) => (
              <Choice
                key={purpose}
                name="purpose"
                title={purpose === 'emergency' ? 'Emergency' : 'Troubleshooting'}
                text={purposeUse(purpose)}
                chosen={draft.purpose === purpose}
                onChoose={() => change({ purpose, days: '14', ends: '' })}
              />
            ))}
          </div>
        </fieldset>
      )}
    </div>
  );
}

function who(type: LicenseType): string {
  return type === 'temporary' ? 'Sales and support issue these.' : 'Accounting issues these.';
}

function use(type: LicenseType, role: Role): string {
  if (type === 'temporary') return role === 'sales' ? 'For a customer trial.' : 'For a fault or an emergency.';
  return type === 'subscription' ? 'Ends, and is renewed by contract.' : 'Has no expiration date.';
}

function purposeUse(purpose: Purpose): string {
  return purpose === 'emergency' ? 'Bridges an emergency.' : 'To find a fault.';
}
