import { type Day, daysBetween, dayWords, distanceWords } from '../../license/dates';
import { Choice } from '../../ui/choice';
import { Icon } from '../../ui/icons';

export type Basis = 'expiration' | 'today';

interface Props {
  license: { expiresOn: Day; status: string };
  now: Day;
  /** null: a lapsed subscription has no default. */
  chosen: Basis | null;
  until: (basis: Basis) => Day | null;
  error: string | null;
  onChoose: (basis: Basis) => void;
}

/** Where the new term starts; both new dates are shown before one is chosen. */
export function BasisChoice({ license, now, chosen, until, error, onChoose }: Props) {
  const lapsed = license.status === 'expired';
  return (
    <fieldset class="choices list">
      <legend>The new term starts</legend>
      {error && (
        <p class="error">
          <Icon name="bad" />
          {error}
        </p>
      )}
      <Choice
        name="basis"
        title="At the expiration date"
        text={atExpiration(license.expiresOn, now, lapsed)}
        chosen={chosen === 'expiration'}
        onChoose={() => onChoose('expiration')}
        aside={<Swap from={license.expiresOn} to={until('expiration')} />}
      />
      <Choice
        name="basis"
        title="Today"
        text={fromToday(license.expiresOn, now, lapsed)}
        chosen={chosen === 'today'}
        onChoose={() => onChoose('today')}
        aside={<Swap from={now} to={until('today')} />}
      />
    </fieldset>
  );
}

function Swap({ from, to }: { from: string; to: string | null }) {
  return (
    <span class="swap">
      {dayWords(from)} <Icon name="arrow" /> <span class="hidden">becomes</span>{' '}
      <strong>{to ? dayWords(to) : '…'}</strong>
    </span>
  );
}

function atExpiration(expiresOn: string, now: string, lapsed: boolean): string {
  return lapsed
    ? `It ended ${distanceWords(now, expiresOn)}; those days count as used.`
    : 'No gap and no lost days. This is the usual choice.';
}

function fromToday(expiresOn: string, now: string, lapsed: boolean): string {
  const days = daysBetween(now, expiresOn) + 1;
  if (lapsed) return 'The days without a license are not counted.';
  if (days <= 0) return 'Gives up no days: the last paid one was yesterday.';
  return `Gives up ${days === 1 ? '1 day that is' : `${days} days that are`} already paid.`;
}
