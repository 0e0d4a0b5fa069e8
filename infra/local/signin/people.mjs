// Who may sign in on one machine. No passwords: this is a stand-in for Cognito, and it listens on 127.0.0.1 only.
import { createHash } from 'node:crypto';

const groups = {
  sales: ['sales'],
  sales2: ['sales'],
  support: ['support'],
  accounting: ['accounting'],
  accounting2: ['accounting'],
  admin: ['admin'],
  nobody: [],
  tworoles: ['sales', 'accounting'],
};

// The same sub in every run, so that kept data still names its people.
const subOf = (username) => {
  const h = createHash('sha256').update(`qms-local-signin:${username}`).digest('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
};

export const people = Object.entries(groups).map(([username, of]) => ({
  username,
  sub: subOf(username),
  groups: of,
}));

export const byUsername = (username) => people.find((person) => person.username === username);
export const bySub = (sub) => people.find((person) => person.sub === sub);
