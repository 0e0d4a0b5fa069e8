import { describe, expect, it } from 'vitest';
import type { Failure, Problem } from './client';
import { type Doing, failureWords } from './problem-words';
import { problemCodeValues } from './schema.gen';

const detail = 'What the service says.';
const problem = (code: Problem['code'], params: Record<string, unknown> = {}): Problem => ({
  type: 'about:blank',
  title: code,
  status: 400,
  detail,
  code,
  requestId: 'r-1',
  params: params as Record<string, never>,
});
const of = (code: Problem['code'], params?: Record<string, unknown>): Failure => ({
  kind: 'problem',
  problem: problem(code, params),
  retryAfter: null,
});
const ways: Doing[] = ['looking', 'issuing', 'renewing'];

describe('every code of the API', () => {
  it.each(problemCodeValues.flatMap((code) => ways.map((doing) => [code, doing] as const)))(
    '%s has words while %s',
    (code, doing) => {
      const words = failureWords(of(code), doing);
      expect(words.title).toMatch(/^[A-Z].*[^.]$/);
      expect(words.text).toMatch(/\.$/);
      expect(`${words.title} ${words.text}`).not.toMatch(/undefined|null|NaN|please|oops|!/i);
    },
  );

  it('ranges over the whole list', () => expect(problemCodeValues.length).toBeGreaterThanOrEqual(27));
});

describe('failures', () => {
  it('names who changed it, what and when', () => {
    const params = { changedBy: 'ana.ruiz', change: 're-hosted', changedAt: '2026-11-23T13:58:00Z' };
    expect(failureWords(of('version_conflict', params), 'renewing').text).toBe(
      'ana.ruiz re-hosted it on 23\u00a0Nov\u00a02026, 13:58 UTC. Nothing was renewed.',
    );
  });

  it.each<[Failure, Doing, string]>([
    [{ kind: 'offline' }, 'looking', 'No connection. What you typed is kept. Try again when you are online.'],
    [{ kind: 'gateway', status: 429, retryAfter: null }, 'looking', 'Too many tries. Try again in 60 seconds.'],
    [
      { kind: 'gateway', status: 401, retryAfter: null },
      'issuing',
      'Your session ended. Sign in again; what you typed is kept.',
    ],
    [
      { kind: 'gateway', status: 403, retryAfter: null },
      'issuing',
      'Your account has no role here. Ask an administrator for sales, support or accounting.',
    ],
  ])('%j while %s', (failure, doing, sentence) => {
    const { title, text } = failureWords(failure, doing);
    expect(`${title}. ${text}`).toBe(sentence);
  });

  it('keeps why the service is not available and when to try again', () => {
    const because =
      'The signing key cannot be used, so it is not signed yet. Try again in a minute: it continues. Tell an administrator.';
    const failure: Failure = {
      kind: 'problem',
      problem: { ...problem('unavailable'), detail: because },
      retryAfter: 60,
    };
    const why = 'The signing key cannot be used, so it is not signed yet. Tell an administrator.';
    expect(failureWords(failure, 'issuing').text).toBe(
      `${why} Try again in 60 seconds: issuing continues where it stopped, so it cannot happen twice.`,
    );
    expect(failureWords({ ...failure, retryAfter: 1 }, 'looking').text).toBe(
      `${why} What you typed is kept. Try again in 1 second.`,
    );
    expect(failureWords({ kind: 'gateway', status: 429, retryAfter: 1 }, 'looking').text).toBe(
      'Try again in 1 second.',
    );
  });

  it.each<Failure>([
    { kind: 'lost' },
    { kind: 'gateway', status: 503, retryAfter: 2 },
    of('unavailable'),
    of('internal'),
  ])('leaves the outcome of a write open: %j', (failure) => {
    expect(failureWords(failure, 'renewing').title).toBe('The renewal is not confirmed');
    expect(failureWords(failure, 'renewing').text).toContain('cannot happen twice');
    expect(failureWords(failure, 'issuing').text).toContain('cannot happen twice');
  });
});
