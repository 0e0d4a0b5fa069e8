// What the issue form holds, as it was typed.

import { type Day, daysBetween, isDay } from '../../license/dates';
import { type LicenseType, type Purpose, purposesOf, type Role, typesOf } from '../../license/roles';
import { allModules, type Module, type Modules, parseQuantity } from '../../license/seats';
import { cleanServerToken } from '../../license/server-token';

export type Quantity = Module | 'qmsSuite';
export const quantities: readonly Quantity[] = ['qmsSuite', ...allModules];

/** The conditions of a sale, as the service names them. */
export const conditionNames = {
  'contract-signed': 'Contract signed',
  'payment-received': 'Payment received',
  'quantities-match': 'Quantities match the order',
  'customer-name-matches': 'Customer name matches the order',
} as const;

export type ConditionName = keyof typeof conditionNames;
export const allConditions = Object.keys(conditionNames) as ConditionName[];

export interface Condition {
  metOn: string;
  evidence: string;
}

export interface Ticked {
  id: string;
  version: number;
}

export interface Draft {
  token: string;
  customer: string;
  /** The customer was filled in from the last license of the server, not typed. */
  filledIn: boolean;
  typed: Record<Quantity, string>;
  type: LicenseType | null;
  purpose: Purpose | null;
  days: string;
  /** The text of the date field of a temporary license, whole or not; empty: `days` counts. */
  ends: string;
  note: string;
  contract: string;
  /** Months as in the list of terms, `months`, or `date`. */
  term: string;
  months: string;
  expiresOn: string;
  /** Empty: today. */
  startsOn: string;
  order: string;
  conditions: Record<ConditionName, Condition>;
  /** The license, as it was seen, that was ticked to be replaced. */
  replaces: Ticked | null;
}

export function emptyDraft(role: Role): Draft {
  const unmet = (): Condition => ({ metOn: '', evidence: '' });
  const [type = null] = typesOf(role);
  const [purpose = null] = purposesOf(role);
  return {
    token: '',
    customer: '',
    filledIn: false,
    typed: { qmsSuite: '', callRecording: '', computerRecording: '', agentEvaluation: '' },
    type,
    purpose,
    days: purpose === 'trial' ? '30' : '14',
    ends: '',
    note: '',
    contract: '',
    term: '12',
    months: '',
    expiresOn: '',
    startsOn: '',
    order: '',
    conditions: {
      'contract-signed': unmet(),
      'payment-received': unmet(),
      'quantities-match': unmet(),
      'customer-name-matches': unmet(),
    },
    replaces: null,
  };
}

/** The quantities as numbers; what is no quantity counts as 0 here and is an error of its field. */
export function modulesOfDraft(draft: Draft): Modules {
  const of = (name: Quantity) => parseQuantity(draft.typed[name]) ?? 0;
  return {
    qmsSuite: of('qmsSuite'),
    callRecording: of('callRecording'),
    computerRecording: of('computerRecording'),
    agentEvaluation: of('agentEvaluation'),
  };
}

/** Met on a day that has come, with its evidence. */
export const isMet = ({ metOn, evidence }: Condition, now: Day): boolean =>
  isDay(metOn) && metOn <= now && evidence.trim() !== '';

/** Reports whether the tick is for this license as it is now; a tick for another one does not carry over. */
export const isTicked = ({ replaces }: Draft, base: Ticked): boolean =>
  replaces?.id === base.id && replaces.version === base.version;

/** The days a temporary license runs; NaN while they are not known. */
export function daysOf({ days, ends }: Draft, now: Day): number {
  if (ends === '') return days === '' ? Number.NaN : Number(days);
  return isDay(ends) ? daysBetween(now, ends) : Number.NaN;
}

/** What another text in the Server Token changes: what was filled in for one server is not kept for another. */
export function withToken(draft: Draft, text: string): Partial<Draft> {
  const [before, after] = [cleanServerToken(draft.token), cleanServerToken(text)];
  if (before.ok && after.ok && before.token === after.token) return { token: text };
  return { token: text, replaces: null, ...(draft.filledIn ? { customer: '', filledIn: false } : {}) };
}
