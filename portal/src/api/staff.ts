// What staff ask, with the access token of their session.
import { type Answer, type Body, type Success, send } from './client';

export interface Write<B> {
  body: B;
  /** The same for every try of the same request. */
  idempotencyKey: string;
  ifMatch: string | null;
}

export function search(accessToken: string, token: string, cursor?: string): Promise<Answer<Success<'search'>>> {
  const query = new URLSearchParams({ serverToken: token });
  if (cursor) query.set('cursor', cursor);
  return send({ method: 'GET', path: `/v1/licenses?${query}`, accessToken });
}

export const show = (accessToken: string, id: string): Promise<Answer<Success<'show'>>> =>
  send({ method: 'GET', path: `/v1/licenses/${encodeURIComponent(id)}`, accessToken });

export const issueTemporary = (
  accessToken: string,
  write: Write<Body<'issueTemporary'>>,
): Promise<Answer<Success<'issueTemporary'>>> =>
  send({ method: 'POST', path: '/v1/temporary-licenses', accessToken, ...write });

export const issue = (accessToken: string, write: Write<Body<'issue'>>): Promise<Answer<Success<'issue'>>> =>
  send({ method: 'POST', path: '/v1/licenses', accessToken, ...write });

export const renew = (
  accessToken: string,
  id: string,
  write: Write<Body<'renew'>>,
): Promise<Answer<Success<'renew'>>> =>
  send({ method: 'POST', path: `/v1/licenses/${encodeURIComponent(id)}/renew`, accessToken, ...write });
