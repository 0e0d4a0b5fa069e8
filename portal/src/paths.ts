// Every address of the portal. The console routes by the fragment, so that a static host needs no rewrites and Server Tokens
// reach no server log.

export const customerHome = '/';
export const console_ = '/console/';
export const publicKeysFile = '/.well-known/jwks.json';

/** Get your license, with the result at once. */
export const getLicense = (token: string): string => `/#t=${encodeURIComponent(token)}`;

export const home = '#/';
export const issue = (token = ''): string => (token ? `#/issue?token=${encodeURIComponent(token)}` : '#/issue');
export const licenses = (token = ''): string =>
  token ? `#/licenses?token=${encodeURIComponent(token)}` : '#/licenses';
export const license = (id: string): string => `#/licenses/${encodeURIComponent(id)}`;

export type Route =
  | { screen: 'home' }
  | { screen: 'issue'; token: string }
  | { screen: 'licenses'; token: string }
  | { screen: 'license'; id: string }
  | { screen: 'unknown' };

/** The screen that a fragment of the console names. */
export function consoleRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const token = new URLSearchParams(query).get('token') ?? '';
  const parts = path.split('/').filter(Boolean);
  if (parts.length === 0) return { screen: 'home' };
  if (path === '/issue') return { screen: 'issue', token };
  if (path === '/licenses') return { screen: 'licenses', token };
  const id = parts[1];
  if (parts.length === 2 && parts[0] === 'licenses' && id) return { screen: 'license', id };
  return { screen: 'unknown' };
}

/** The Server Token in the fragment of the customers' page: `/#t=TOKEN`. */
export const tokenInHash = (hash: string): string => new URLSearchParams(hash.replace(/^#/, '')).get('t') ?? '';
