import { dayWords, today } from '../../license/dates';
import { Badge } from '../../ui/badge';
import { TextField } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { allConditions, type Condition, type ConditionName, conditionNames, type Draft, isMet } from './draft';

interface Props {
  draft: Draft;
  errors: Record<string, string>;
  change: (part: Partial<Draft>) => void;
}

/** The order of a permanent license and the conditions of its sale, each with its day and its evidence. */
export function PermanentTerm({ draft, errors, change }: Props) {
  const now = today();
  const met = allConditions.filter((name) => isMet(draft.conditions[name], now)).length;
  const set = (name: ConditionName, part: Partial<Condition>) =>
    change({ conditions: { ...draft.conditions, [name]: { ...draft.conditions[name], ...part } } });
  return (
    <>
      <TextField
        id="order"
        label="Order"
        hint="For example O-7781."
        error={errors['order'] ?? null}
        value={draft.order}
        onValue={(order) => change({ order })}
      />
      <section class="card conditions" aria-labelledby="conditions">
        <div class="split">
          <h2 id="conditions">Conditions of the sale</h2>
          <Badge
            tone={met === allConditions.length ? 'ok' : 'warn'}
            icon={met === allConditions.length ? 'ok' : 'clock'}
            word={`${met} of ${allConditions.length} met`}
          />
        </div>
        {allConditions.map((name) => (
          <ConditionRow key={name} name={name} condition={draft.conditions[name]} set={(part) => set(name, part)} />
        ))}
      </section>
    </>
  );
}

interface RowProps {
  name: ConditionName;
  condition: Condition;
  set: (part: Partial<Condition>) => void;
}

function ConditionRow({ name, condition, set }: RowProps) {
  const now = today();
  const met = isMet(condition, now);
  const describe = () => {
    if (met) return `Met on ${dayWords(condition.metOn)}. ${condition.evidence.trim()}.`;
    if (condition.metOn > now) return `It is not met yet: the day must not be after ${dayWords(now)}.`;
    return condition.metOn || condition.evidence
      ? 'It needs both a day and its evidence.'
      : 'Nobody has confirmed this yet.';
  };
  return (
    <fieldset class={`condition${met ? ' met' : ''}`}>
      <legend class="hidden">{conditionNames[name]}</legend>
      <Icon name={met ? 'ok' : 'open'} />
      <div class="stack-8">
        <div>
          <p aria-hidden="true">
            <strong>{conditionNames[name]}</strong>
          </p>
          <p class="hint">{describe()}</p>
        </div>
        <div class="row">
          <TextField
            id={`${name}-metOn`}
            label="Met on"
            type="date"
            value={condition.metOn}
            onValue={(metOn) => set({ metOn })}
          />
          <TextField
            id={`${name}-evidence`}
            label="Evidence"
            value={condition.evidence}
            onValue={(evidence) => set({ evidence, ...(condition.metOn ? {} : { metOn: today() }) })}
          />
        </div>
      </div>
    </fieldset>
  );
}
