// One request to the API and the ways it can end. Every answer is an Answer; nothing here throws.
import type { components, operations } from './schema.gen';

export type Problem = components['schemas']['Problem'];
export type License = components['schemas']['License'];
export type Retrieved = components['schemas']['RetrievedLicense'];

type Json<R> = R extends { content: { 'application/json': infer T } } ? T : never;
type Responses<O extends keyof operations> = operations[O]['responses'];

/** What an operation answers when it succeeds. */
export type Success<O extends keyof operations> = Json<Responses<O>[keyof Responses<O> & (200 | 201)]>;
/** What an operation is sent. */
export type Body<O extends keyof operations> = operations[O] extends { requestBody: infer R } ? Json<R> : never;

export type Failure =
  /** Nothing was sent: the browser has no network. */
  | { kind: 'offline' }
  /** Sent, and no readable answer came back: it may have happened. */
  | { kind: 'lost' }
  /** API Gateway itself refused, in its own shape. */
  | { kind: 'gateway'; status: number; retryAfter: number | null }
  | { kind: 'problem'; problem: Problem; retryAfter: number | null };

export type Answer<T> = { ok: true; value: T; etag: string | null } | { ok: false; failure: Failure };

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  accessToken?: string;
  body?: unknown;
  idempotencyKey?: string;
  ifMatch?: string | null;
}

const patienceMs = 35_000;

export async function send<T>(call: Call): Promise<Answer<T>> {
  if (!navigator.onLine) return { ok: false, failure: { kind: 'offline' } };
  const headers = new Headers({ Accept: 'application/json' });
  if (call.accessToken) headers.set('Authorization', `Bearer ${call.accessToken}`);
  if (call.idempotencyKey) headers.set('Idempotency-Key', call.idempotencyKey);
  if (call.ifMatch) headers.set('If-Match', call.ifMatch);
  if (call.body !== undefined) headers.set('Content-Type', 'application/json');
  try {
    const response = await fetch(call.path, {
      method: call.method,
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) return { ok: false, failure: await failureOf(response) };
    return { ok: true, value: (await response.json()) as T, etag: response.headers.get('ETag') };
  } catch {
    return { ok: false, failure: { kind: 'lost' } };
  }
}

async function failureOf(response: Response): Promise<Failure> {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  const isProblem = response.headers.get('Content-Type')?.startsWith('application/problem+json');
  if (!isProblem) return { kind: 'gateway', status: response.status, retryAfter };
  return { kind: 'problem', problem: (await response.json()) as Problem, retryAfter };
}

/** Reports whether a write that failed so may have happened all the same. */
export function outcomeUnknown(failure: Failure): boolean {
  switch (failure.kind) {
    case 'offline':
      return false;
    case 'lost':
      return true;
    case 'gateway':
      return failure.status >= 500;
    case 'problem':
      return failure.problem.code === 'unavailable' || failure.problem.code === 'internal';
  }
}

/** Reports whether the access token is no longer taken. */
export const sessionOver = (failure: Failure): boolean => failure.kind === 'gateway' && failure.status === 401;

export const isCode = (failure: Failure, code: Problem['code']): boolean =>
  failure.kind === 'problem' && failure.problem.code === code;
