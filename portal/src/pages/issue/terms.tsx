// The fields of each type.
import { addDays, dayWords, today } from '../../license/dates';
import { Field, SelectField, TextField } from '../../ui/field';
import { termOptions } from '../term';
import { type Draft, daysOf } from './draft';

interface Props {
  draft: Draft;
  errors: Record<string, string>;
  /** As far as it is known from what was typed. */
  expiresOn: string | null | undefined;
  change: (part: Partial<Draft>) => void;
}

const works = (expiresOn: string | null | undefined) =>
  expiresOn ? <p class="muted">The license works through {dayWords(expiresOn)}, everywhere on Earth.</p> : undefined;

export function TemporaryTerm({ draft, errors, expiresOn, change }: Props) {
  const now = today();
  const shortcuts = draft.purpose === 'emergency' ? ['3', '7', '14'] : ['7', '14', '30'];
  const chosen = daysOf(draft, now);
  return (
    <>
      <Field id="expiresOn" label="Expiration date" error={errors['expiresOn'] ?? null} note={works(expiresOn)}>
        <div class="shortcuts">
          <input
            id="expiresOn"
            type="date"
            min={addDays(now, 1)}
            value={draft.ends || (expiresOn ?? '')}
            aria-invalid={errors['expiresOn'] ? 'true' : undefined}
            onInput={(event) => change({ ends: event.currentTarget.value, days: '' })}
          />
          {shortcuts.map((days) => (
            <button
              key={days}
              type="button"
              class="button"
              aria-pressed={chosen === Number(days)}
              onClick={() => change({ days, ends: '' })}
            >
              {days} days
            </button>
          ))}
        </div>
      </Field>
      <TextField
        id="note"
        label="Note"
        hint="For your colleagues; the customer does not see it. May be left empty."
        value={draft.note}
        onValue={(note) => change({ note })}
      />
    </>
  );
}

const options = [...termOptions, ['date', 'Until a date'] as const];

export function SubscriptionTerm({ draft, errors, expiresOn, change }: Props) {
  return (
    <>
      <TextField
        id="contract"
        label="Contract"
        hint="For example C-2041."
        error={errors['contract'] ?? null}
        value={draft.contract}
        onValue={(contract) => change({ contract })}
      />
      <div class="section">
        <div class="row">
          <TextField
            id="startsOn"
            label="Starts"
            type="date"
            error={errors['startsOn'] ?? null}
            value={draft.startsOn || today()}
            onValue={(startsOn) => change({ startsOn })}
          />
          <SelectField
            id="term"
            label="Term"
            options={options}
            value={draft.term}
            onValue={(term) => change({ term })}
          />
          {draft.term === 'months' && (
            <TextField
              id="months"
              label="Months"
              numeric
              error={errors['months'] ?? null}
              value={draft.months}
              onValue={(months) => change({ months })}
            />
          )}
          {draft.term === 'date' && (
            <TextField
              id="expiresOn"
              label="Expiration date"
              type="date"
              error={errors['expiresOn'] ?? null}
              value={draft.expiresOn}
              onValue={(day) => change({ expiresOn: day })}
            />
          )}
        </div>
        {works(expiresOn)}
      </div>
    </>
  );
}
