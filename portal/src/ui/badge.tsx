import type { License } from '../api/client';
import { assertNever } from '../license/assert-never';
import { Icon, type IconName } from './icons';

export type Status = License['status'];

const looks = (status: Status): { tone: string; icon: IconName; word: string } => {
  switch (status) {
    case 'active':
      return { tone: 'ok', icon: 'ok', word: 'Active' };
    case 'expired':
      return { tone: 'bad', icon: 'bad', word: 'Expired' };
    case 'superseded':
      return { tone: 'plain', icon: 'superseded', word: 'Superseded' };
    case 'revoked':
      return { tone: 'bad', icon: 'revoked', word: 'Revoked' };
    case 'pending':
      return { tone: 'plain', icon: 'pending', word: 'Pending' };
    case 'void':
      return { tone: 'plain', icon: 'revoked', word: 'Void' };
    default:
      return assertNever(status);
  }
};

export function StatusBadge({ status }: { status: Status }) {
  const { tone, icon, word } = looks(status);
  return <Badge tone={tone} icon={icon} word={word} />;
}

export function Badge({ tone, icon, word }: { tone: string; icon: IconName; word: string }) {
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}
