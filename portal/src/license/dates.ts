// Calendar days as the API writes them, YYYY-MM-DD, and the arithmetic of terms. The rules are those of shared/license
// (date.go, term.go): today is the UTC day, months clamp to the month's end, the anchor day of the first start is kept.

/** A calendar day, YYYY-MM-DD. */
export type Day = string;

const dayMs = 86_400_000;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const mostMonths = 120;

const instant = (day: Day): number => Date.parse(`${day}T00:00:00Z`);
const dayOf = (ms: number): Day => new Date(ms).toISOString().slice(0, 10);

export const today = (now: number = Date.now()): Day => dayOf(now);
export const dayOfMonth = (day: Day): number => Number(day.slice(8));
export const addDays = (day: Day, n: number): Day => dayOf(instant(day) + n * dayMs);
export const daysBetween = (from: Day, to: Day): number => Math.round((instant(to) - instant(from)) / dayMs);

/** Reports whether a text is a day that the calendar has. */
export function isDay(text: string): boolean {
  return /^[1-9]\d{3}-\d\d-\d\d$/.test(text) && !Number.isNaN(instant(text)) && dayOf(instant(text)) === text;
}

function lastOfMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}

/** The day n months later on the anchor day, clamped to the month's end: with anchor 31, 31 Jan, 28 Feb, 31 Mar. */
export function addMonths(day: Day, n: number, anchor: number): Day {
  const at = new Date(instant(day));
  const year = at.getUTCFullYear() + Math.floor((at.getUTCMonth() + n) / 12);
  const month = (((at.getUTCMonth() + n) % 12) + 12) % 12;
  return dayOf(Date.UTC(year, month, Math.min(anchor, lastOfMonth(year, month))));
}

/** The last day of a term of n months: 1 Jan + 12 months ends 31 Dec. */
export const termEnd = (start: Day, n: number, anchor: number = dayOfMonth(start)): Day =>
  addDays(addMonths(start, n, anchor), -1);

/** The last day that a term may end on. */
export const latestEnd = (start: Day): Day => termEnd(start, mostMonths);

/**
 * Where a renewed term ends. The API does not say the anchor day, so the page takes it from the first start where a short
 * month has clamped the new one; the dates of the answer are what counts.
 */
export function renewedUntil(
  basis: 'expiration' | 'today',
  license: { startsOn: Day; expiresOn: Day },
  n: number,
  now: Day,
): Day {
  if (basis === 'today') return termEnd(now, n);
  const start = addDays(license.expiresOn, 1);
  const clamped = dayOfMonth(addDays(start, 1)) === 1 && dayOfMonth(license.startsOn) > dayOfMonth(start);
  return termEnd(start, n, clamped ? dayOfMonth(license.startsOn) : dayOfMonth(start));
}

/** A license works through its last day everywhere on Earth: until 12:00 UTC on the following day. */
export const expiryInstant = (day: Day): number => instant(addDays(day, 1)) + dayMs / 2;

/** "3 Nov 2026", with spaces that do not break. */
export function dayWords(day: Day): string {
  return `${dayOfMonth(day)}\u00a0${months[Number(day.slice(5, 7)) - 1] ?? ''}\u00a0${day.slice(0, 4)}`;
}

/** "20 Nov 2026, 09:12 UTC". */
export function instantWords(text: string): string {
  const iso = new Date(text).toISOString();
  return `${dayWords(iso.slice(0, 10))}, ${iso.slice(11, 16)} UTC`;
}

/** "in 22 days", "today", "yesterday", "20 days ago". */
export function distanceWords(from: Day, to: Day): string {
  const n = daysBetween(from, to);
  if (n === 0) return 'today';
  if (n === -1) return 'yesterday';
  const days = n === 1 ? '1 day' : `${Math.abs(n)} days`;
  return n > 0 ? `in ${days}` : `${days} ago`;
}

/** "Ends 15 Dec 2026, in 22 days", of a license that still works: on the morning after its last day, until noon UTC. */
export function endsWords(now: Day, last: Day): string {
  return last < now ? 'Ends today, 12:00 UTC' : `Ends ${dayWords(last)}, ${distanceWords(now, last)}`;
}
