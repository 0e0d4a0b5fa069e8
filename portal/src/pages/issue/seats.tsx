import { useEffect, useState } from 'preact/hooks';
import { boughtWords, moduleNames, numberWords, type Shortage, seatsOf, seatsWords } from '../../license/seats';
import { Button } from '../../ui/button';
import { Callout } from '../../ui/callout';
import { Icon } from '../../ui/icons';
import { type Draft, modulesOfDraft, type Quantity, quantities } from './draft';

interface Props {
  draft: Draft;
  errors: Record<string, string>;
  shortage: Shortage | null;
  change: (part: Partial<Draft>) => void;
}

/** What is bought, and the seats that follow, while typing. */
export function SeatsTable({ draft, errors, shortage, change }: Props) {
  const modules = modulesOfDraft(draft);
  const seats = seatsOf(modules);
  const type = (name: Quantity, text: string) => change({ typed: { ...draft.typed, [name]: text } });
  const fix = () => {
    if (!shortage) return;
    type('callRecording', String(modules.callRecording + shortage.add));
    document.getElementById('q-callRecording')?.focus();
  };
  const wrong = quantities.filter((name) => errors[`q-${name}`]);
  return (
    <section class="section" aria-labelledby="seats">
      <h2 id="seats">Seats</h2>
      {wrong.map((name) => (
        <p class="error" key={name} id={`q-${name}-error`}>
          <Icon name="bad" />
          {errors[`q-${name}`]}
        </p>
      ))}
      <div class="card">
        <table class="seats">
          <thead>
            <tr>
              <th scope="col">Module</th>
              <th scope="col">Quantity</th>
              <th scope="col" class="from">
                From QMS Suite
              </th>
              <th scope="col" class="number">
                Seats
              </th>
            </tr>
          </thead>
          <tbody>
            {quantities.map((name) => (
              <tr key={name}>
                <th scope="row">
                  <label for={`q-${name}`}>{name === 'qmsSuite' ? 'QMS Suite' : moduleNames[name]}</label>
                  {name === 'qmsSuite' && <div class="hint">one of each module</div>}
                  {name !== 'qmsSuite' && modules.qmsSuite > 0 && (
                    <div class="hint phone">+ {numberWords(modules.qmsSuite)} from QMS Suite</div>
                  )}
                </th>
                <td>
                  <input
                    id={`q-${name}`}
                    type="text"
                    inputMode="numeric"
                    autoComplete="off"
                    maxLength={7}
                    placeholder="0"
                    value={draft.typed[name]}
                    aria-invalid={errors[`q-${name}`] || shortage?.module === name ? 'true' : undefined}
                    aria-describedby={
                      errors[`q-${name}`] ? `q-${name}-error` : shortage?.module === name ? 'shortage' : undefined
                    }
                    onInput={(event) => type(name, event.currentTarget.value)}
                  />
                </td>
                <td class="from">
                  {name !== 'qmsSuite' && modules.qmsSuite > 0 && `+ ${numberWords(modules.qmsSuite)}`}
                </td>
                <td class={`number${shortage?.module === name ? ' wrong' : ''}`}>
                  {shortage?.module === name && <Icon name="bad" />}
                  {name !== 'qmsSuite' && <strong>{numberWords(seats[name])}</strong>}
                </td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <td colSpan={4}>
                {boughtWords(modules)} = <strong class="nowrap">{seatsWords(seats)} seats</strong>
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      <Rested text={`${boughtWords(modules)} = ${seatsWords(seats)} seats`} />
      {shortage?.module && (
        <Callout tone="bad" id="shortage" title={shortage.title}>
          <p>{shortage.text}</p>
          <div>
            <Button onClick={fix}>Add {numberWords(shortage.add)} Call Recording</Button>
          </div>
        </Callout>
      )}
    </section>
  );
}

const restMs = 500;

/** A polite live region that speaks once typing has rested. */
function Rested({ text }: { text: string }) {
  const [spoken, speak] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => speak(text), restMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="hidden" aria-live="polite">
      {spoken}
    </p>
  );
}
