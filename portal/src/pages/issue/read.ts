// From what was typed to a request: what is wrong, field by field, what closes the review, and what would be sent.
import type { Body, License } from '../../api/client';
import { addDays, type Day, daysBetween, dayWords, isDay, latestEnd, mostMonths, termEnd } from '../../license/dates';
import {
  moduleNames,
  mostSeats,
  numberWords,
  parseQuantity,
  type Shortage,
  seatsOf,
  shortageOf,
} from '../../license/seats';
import { cleanServerToken } from '../../license/server-token';
import type { ViewFacts } from '../../ui/license-view';
import { parseMonths } from '../term';
import {
  allConditions,
  conditionNames,
  type Draft,
  daysOf,
  isMet,
  isTicked,
  modulesOfDraft,
  quantities,
} from './draft';

export type IssueRequest =
  | { path: 'issueTemporary'; body: Body<'issueTemporary'>; ifMatch: null }
  | { path: 'issue'; body: Body<'issue'>; ifMatch: string | null };

export interface Reading {
  facts: ViewFacts;
  /** By the id of the field. */
  errors: Record<string, string>;
  shortage: Shortage | null;
  /** Why the review is closed, whatever the fields say. */
  closed: string | null;
  /** What would be sent; null while something is wrong. */
  request: IssueRequest | null;
}

/** Reads the form. `base` is the active permanent license or subscription of the server, if it has one. */
export function readDraft(draft: Draft, base: License | null, now: Day): Reading {
  const errors: Record<string, string> = {};
  const cleaned = cleanServerToken(draft.token);
  if (!cleaned.ok) errors['token'] = cleaned.error;
  if (draft.customer.trim() === '') errors['customer'] = 'Enter the customer.';
  const modules = modulesOfDraft(draft);
  readQuantities(draft, errors);
  const shortage = shortageOf(modules);
  if (shortage?.module === null && !errors['q-qmsSuite']) errors['q-qmsSuite'] = shortage.text;
  const expiresOn = readEnd(draft, now, errors);
  const facts: ViewFacts = {
    serverToken: cleaned.ok ? cleaned.token : '',
    type: draft.type ?? 'temporary',
    purpose: draft.type === 'temporary' ? draft.purpose : null,
    expiresOn,
    modules,
  };
  if (draft.type === 'subscription' && draft.contract.trim() === '') errors['contract'] = 'Enter the contract.';
  if (draft.type === 'permanent' && draft.order.trim() === '') errors['order'] = 'Enter the order.';
  const closed = closedBy(draft, shortage, base, now);
  const good = Object.keys(errors).length === 0 && closed === null && cleaned.ok;
  return { facts, errors, shortage, closed, request: good ? requestOf(draft, facts, base, now) : null };
}

function readQuantities(draft: Draft, errors: Record<string, string>): void {
  const seats = seatsOf(modulesOfDraft(draft));
  for (const name of quantities) {
    const what = name === 'qmsSuite' ? 'QMS Suite' : moduleNames[name];
    if (parseQuantity(draft.typed[name]) === null) {
      errors[`q-${name}`] = `The quantity of ${what} must be 0 to ${numberWords(mostSeats)}.`;
    } else if (name !== 'qmsSuite' && seats[name] > mostSeats) {
      errors[`q-${name}`] = `${numberWords(seats[name])} seats of ${what}; the most is ${numberWords(mostSeats)}.`;
    }
  }
}

/** The expiration date; null is Never, undefined is not known yet. */
function readEnd(draft: Draft, now: Day, errors: Record<string, string>): Day | null | undefined {
  if (draft.type === 'permanent') return null;
  if (draft.type === 'temporary' || draft.type === null) {
    const days = daysOf(draft, now);
    if (Number.isInteger(days) && days >= 1 && days <= 3660) return addDays(now, days);
    errors['expiresOn'] = `Choose an expiration date after ${dayWords(now)}.`;
    return undefined;
  }
  const start = draft.startsOn || now;
  if (!isDay(start)) {
    errors['startsOn'] = 'Choose the day on which the term starts.';
    return undefined;
  }
  if (start > now) {
    errors['startsOn'] = `Choose a start that is not after ${dayWords(now)}: a license works as soon as it is loaded.`;
    return undefined;
  }
  const months = parseMonths(draft.term, draft.months);
  if (draft.term !== 'date' && months === null) {
    errors['months'] = `Enter 1 to ${mostMonths} months.`;
    return undefined;
  }
  const end = months === null ? draft.expiresOn : termEnd(start, months);
  const field = months === null ? 'expiresOn' : 'startsOn';
  if (!isDay(end) || daysBetween(now, end) <= 0) {
    errors[field] = `Choose ${months === null ? 'an expiration date' : 'a term that ends'} after ${dayWords(now)}.`;
  } else if (end > latestEnd(start)) {
    errors[field] = `The most is ${mostMonths} months: until ${dayWords(latestEnd(start))}.`;
  }
  return isDay(end) ? end : undefined;
}

function closedBy(draft: Draft, shortage: Shortage | null, base: License | null, now: Day): string | null {
  if (draft.type === null) return 'Your role issues no licenses.';
  if (shortage?.module) return 'Add the missing Call Recording seats, then review.';
  if (base && draft.type === 'temporary' && draft.purpose === 'trial') {
    return 'This server has a sold license, so it gets no trial.';
  }
  if (base && draft.type !== 'temporary' && !isTicked(draft, base)) {
    return 'This server has a license already. Tick that the new one replaces it, then review.';
  }
  const unmet = allConditions.filter((name) => !isMet(draft.conditions[name], now));
  const [first] = unmet;
  if (draft.type !== 'permanent' || !first) return null;
  const open =
    unmet.length === 1 ? `“${conditionNames[first]}” is not met yet.` : `${unmet.length} conditions are not met yet.`;
  return `${open} Issuing opens when all ${allConditions.length} conditions are met.`;
}

function requestOf(draft: Draft, facts: ViewFacts, base: License | null, now: Day): IssueRequest | null {
  const { serverToken, modules } = facts;
  const common = { serverToken, customer: draft.customer.trim(), modules };
  if (draft.type === 'temporary' && draft.purpose) {
    const note = draft.note.trim();
    const body = { ...common, purpose: draft.purpose, days: daysOf(draft, now), ...(note ? { note } : {}) };
    return { path: 'issueTemporary', body, ifMatch: null };
  }
  const replaced = base && isTicked(draft, base) ? base : null;
  const replaces = replaced ? { replaces: replaced.id } : {};
  const ifMatch = replaced && `"${replaced.version}"`;
  if (draft.type === 'subscription') {
    const months = parseMonths(draft.term, draft.months);
    const end = months === null ? { expiresOn: draft.expiresOn } : { termMonths: months };
    const start = draft.startsOn ? { startsOn: draft.startsOn } : {};
    const body = { ...common, type: draft.type, contract: draft.contract.trim(), ...end, ...start, ...replaces };
    return { path: 'issue', body, ifMatch };
  }
  if (draft.type !== 'permanent') return null;
  const conditions = allConditions.map((name) => {
    const { metOn, evidence } = draft.conditions[name];
    return { name, metOn, evidence: evidence.trim() };
  });
  const body = { ...common, type: draft.type, order: draft.order.trim(), conditions, ...replaces };
  return { path: 'issue', body, ifMatch };
}
