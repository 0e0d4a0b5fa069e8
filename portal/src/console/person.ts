// Who is signed in, as the access token says. It is read to show it, not to decide: the server does.
import { type Role, roleOf } from '../license/roles';

export interface Person {
  subject: string;
  username: string;
  /** null: the account has no role here. */
  role: Role | null;
}

/** Reads the claims of an access token. One that cannot be read gives a person without a role. */
export function personOf(accessToken: string): Person {
  const claims = claimsOf(accessToken);
  const text = (name: string): string => {
    const value = claims[name];
    return typeof value === 'string' ? value : '';
  };
  const groups = claims['cognito:groups'];
  const names = Array.isArray(groups) ? groups.filter((group): group is string => typeof group === 'string') : [];
  return { subject: text('sub'), username: text('username') || 'unknown', role: roleOf(names) };
}

function claimsOf(accessToken: string): Record<string, unknown> {
  try {
    const payload = (accessToken.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
