// What anyone may ask.
import type { PublicKey } from '../license/verify';
import { type Answer, type Retrieved, type Success, send } from './client';

export const retrieve = (serverToken: string): Promise<Answer<Success<'retrieve'>>> =>
  send({ method: 'GET', path: `/v1/servers/${encodeURIComponent(serverToken)}/license` });

export const publicKeys = (): Promise<Answer<{ keys: PublicKey[] }>> =>
  send<Success<'keys'> & { keys: PublicKey[] }>({ method: 'GET', path: '/.well-known/jwks.json' });

export type { Retrieved };
