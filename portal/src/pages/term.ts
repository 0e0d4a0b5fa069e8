import { mostMonths } from '../license/dates';

/** The terms to choose from; `months` asks for another number. */
export const termOptions = [
  ['6', '6 months'],
  ['12', '1 year'],
  ['24', '2 years'],
  ['36', '3 years'],
  ['months', 'Other months'],
] as const;

/** The months of a term; null when it is no term. */
export function parseMonths(term: string, typed: string): number | null {
  const text = (term === 'months' ? typed : term).trim();
  const n = Number(text);
  return /^\d{1,3}$/.test(text) && n >= 1 && n <= mostMonths ? n : null;
}
