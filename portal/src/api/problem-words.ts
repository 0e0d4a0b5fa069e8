// The one place that turns a failure into words: what is, why, and what to do now.
import { assertNever } from '../license/assert-never';
import { dayWords, instantWords } from '../license/dates';
import type { Failure, Problem } from './client';

export interface Words {
  tone: 'bad' | 'warn' | 'know';
  title: string;
  /** Why, and what to do now. */
  text: string;
}

/** What was tried: it names the thing whose outcome is told. */
export type Doing = 'looking' | 'issuing' | 'renewing';

const bad = (title: string, text: string): Words => ({ tone: 'bad', title, text });
const warn = (title: string, text: string): Words => ({ tone: 'warn', title, text });
const minute = 60;

export function failureWords(failure: Failure, doing: Doing): Words {
  switch (failure.kind) {
    case 'offline':
      return warn('No connection', 'What you typed is kept. Try again when you are online.');
    case 'lost':
      return doing === 'looking'
        ? warn('The license service does not answer', 'What you typed is kept. Check your connection, then try again.')
        : unconfirmed(doing);
    case 'gateway':
      return gatewayWords(failure.status, failure.retryAfter, doing);
    case 'problem':
      return problemWords(failure.problem, failure.retryAfter, doing);
    default:
      return assertNever(failure);
  }
}

function gatewayWords(status: number, retryAfter: number | null, doing: Doing): Words {
  if (status === 401) {
    return { tone: 'know', title: 'Your session ended', text: 'Sign in again; what you typed is kept.' };
  }
  if (status === 403) return noRole;
  if (status === 429) return tooMany(retryAfter);
  if (status === 413) return bad('This is too much at once', 'Send less, then try again.');
  if (status >= 500) return unavailable('', retryAfter, doing);
  return bad('The license service does not know this page', 'Reload the page: there is a newer one.');
}

const noRole = bad('Your account has no role here', 'Ask an administrator for sales, support or accounting.');

const tooMany = (retryAfter: number | null): Words =>
  warn('Too many tries', `Try again ${inSeconds(retryAfter ?? minute)}.`);

const inSeconds = (n: number): string => (n === 1 ? 'in 1 second' : `in ${n} seconds`);

function unconfirmed(doing: Exclude<Doing, 'looking'>, why = '', when = ''): Words {
  const [thing, what] = doing === 'renewing' ? ['renewal', 'the same renewal'] : ['license', 'issuing'];
  return bad(
    `The ${thing} is not confirmed`,
    `${why}Try again${when}: ${what} continues where it stopped, so it cannot happen twice.`,
  );
}

/** What the service says about it, without its own "Try again": the page says when, and that it is safe. */
function unavailable(detail: string, retryAfter: number | null, doing: Doing): Words {
  const sentences = detail.split(/(?<=\.)\s+/).filter((sentence) => sentence && !sentence.startsWith('Try again'));
  const why = sentences.map((sentence) => `${sentence} `).join('');
  const when = retryAfter === null ? null : inSeconds(retryAfter);
  if (doing !== 'looking') return unconfirmed(doing, why, when ? ` ${when}` : '');
  return warn(
    'The license service is not available',
    `${why}What you typed is kept. Try again ${when ?? 'in a minute'}.`,
  );
}

/** A param as text; the members per code are listed in infra/openapi.yaml. */
function param(problem: Problem, name: string): string {
  const value = (problem.params as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function changed(problem: Problem, doing: Doing): string {
  const [who, what, at] = [param(problem, 'changedBy'), param(problem, 'change'), param(problem, 'changedAt')];
  const nothing = doing === 'renewing' ? 'Nothing was renewed.' : 'Nothing was issued.';
  if (!who || !what || Number.isNaN(Date.parse(at))) return `${problem.detail} ${nothing}`;
  return `${who} ${what} it on ${instantWords(at)}. ${nothing}`;
}

export function problemWords(problem: Problem, retryAfter: number | null, doing: Doing): Words {
  const { code, detail } = problem;
  switch (code) {
    case 'invalid_request':
      return bad('Something in this form needs a change', detail);
    case 'forbidden':
      return bad('This is not yours to do', detail);
    case 'license_not_found':
      return bad('No such license', 'No license has this address. Find it by the Server Token.');
    case 'version_conflict':
      return warn('Somebody changed this license first', changed(problem, doing));
    case 'idempotency_key_reused':
      return bad('This is not the request that was sent first', 'Nothing was done. Review it, then send it again.');
    case 'if_match_required':
      return bad('The page did not say which version it saw', 'Nothing was done. Reload the page, then try again.');
    case 'internal':
      return doing === 'looking'
        ? bad('The license service failed', 'Try again. If it fails again, send the request id to support.')
        : unconfirmed(doing);
    case 'unavailable':
      return unavailable(detail, retryAfter ?? (Number(param(problem, 'retryAfter')) || null), doing);
    case 'quota_exceeded':
      return warn('Too many for now', detail || tooMany(retryAfter).text);
    case 'payload_too_large':
      return bad('This is too much at once', 'Shorten what you typed, then try again.');
    case 'unsupported_media_type':
      return bad('The license service did not take the request', 'Reload the page: there is a newer one.');
    case 'module_dependency':
      return bad('Call Recording seats are missing', detail);
    case 'conditions_not_met':
      return bad('Not every condition of the sale is met', detail);
    case 'trial_limit':
      return bad('This trial is over the limit', detail);
    case 'temporary_limit':
      return bad('Temporary licenses are over the limit', detail);
    case 'rehost_limit':
      return bad('This license was re-hosted too often', detail);
    case 'seats_below_base':
      return bad('Fewer seats than the server has', detail);
    case 'not_renewable':
      return bad('This license cannot be renewed', detail);
    case 'not_rehostable':
      return bad('This license cannot be re-hosted', detail);
    case 'basis_required':
      return warn('Choose where the new term starts', detail);
    case 'renewal_in_past':
    case 'expires_in_past': {
      const [ends, today] = [param(problem, 'expiresOn'), param(problem, 'today')];
      const why = ends && today ? `It would end on ${dayWords(ends)}; today is ${dayWords(today)}.` : detail;
      return bad('It would already have ended', `${why} Choose a later end.`);
    }
    case 'base_license_exists':
      return warn('This server has a license already', detail);
    case 'trial_over_base':
      return bad('No trial on a server with a sold license', detail);
    case 'other_customer':
      return bad('This server belongs to another customer', detail);
    case 'not_current':
      return warn('This license is no longer the current one', detail);
    case 'exception_exists':
      return warn('There is an exception already', detail);
    case 'issue_voided':
      return bad(
        'This license was given up before it was signed',
        'Nothing was issued. Review it, then send it again.',
      );
    case 'not_amendable':
      return bad('This license cannot be amended', detail);
    case 'not_correctable':
      return bad('This license cannot be corrected', detail);
    case 'request_not_found':
      return bad('No such license request', 'No request has this address. Find it in the list of requests.');
    case 'request_not_open':
      return warn('This request is no longer open', detail);
    case 'own_request':
      return bad('This is your own request', detail);
    case 'request_required':
      return bad('A license request is missing', detail);
    case 'too_many_licenses':
      return warn('Too many licenses at once', detail);
    default:
      return assertNever(code);
  }
}

/** Words of a license key that the page itself refuses to show. */
export function keyProblemWords(code: 'damaged' | 'unknown_key' | 'signature_invalid' | 'key_not_for_type'): Words {
  switch (code) {
    case 'damaged':
      return bad(
        'The license that arrived is not whole',
        'Try again. If it stays so, contact support and send the Server Token.',
      );
    case 'signature_invalid':
      return bad(
        'The license was changed on its way',
        'QMS will refuse it, so it is not shown. Try again from another network.',
      );
    case 'unknown_key':
    case 'key_not_for_type':
      return bad(
        'Do not load this license',
        'It is signed with a key that does not belong to it. Contact support and send the Server Token.',
      );
    default:
      return assertNever(code);
  }
}
