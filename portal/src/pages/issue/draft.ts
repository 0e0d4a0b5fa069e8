// What the issue form holds, as it was typed.

import { type LicenseType, type Purpose, purposesOf, type Role, typesOf } from '../../license/roles';
import { allModules, type Module, type Modules, parseQuantity } from '../../license/seats';

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

export interface Draft {
  token: string;
  customer: string;
  /** The customer was filled in from the last license of the server, not typed. */
  filledIn: boolean;
  typed: Record<Quantity, string>;
  type: LicenseType | null;
  purpose: Purpose | null;
  days: string;
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
  replace: boolean;
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
    replace: false,
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

export const isMet = ({ metOn, evidence }: Condition): boolean => metOn !== '' && evidence.trim() !== '';
