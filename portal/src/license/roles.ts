// Who may do what, as the page shows it. The table is that of shared/license/roles.go; the server decides, the page only
// says beforehand who can.
import { assertNever } from './assert-never';

export type Role = 'sales' | 'support' | 'accounting' | 'admin';
export type Purpose = 'trial' | 'troubleshooting' | 'emergency';
export type LicenseType = 'temporary' | 'subscription' | 'permanent';

const roles: readonly string[] = ['sales', 'support', 'accounting', 'admin'];

/** The one role among the groups of an access token; none or two: no role. */
export function roleOf(groups: readonly string[]): Role | null {
  const mine = groups.filter((group): group is Role => roles.includes(group));
  const [role] = mine;
  return mine.length === 1 && role ? role : null;
}

export function roleName(role: Role): string {
  return role === 'admin' ? 'Administrator' : role.charAt(0).toUpperCase() + role.slice(1);
}

/** The purposes of temporary licenses that a role issues. */
export function purposesOf(role: Role): readonly Purpose[] {
  switch (role) {
    case 'sales':
      return ['trial'];
    case 'support':
      return ['troubleshooting', 'emergency'];
    case 'accounting':
    case 'admin':
      return [];
    default:
      return assertNever(role);
  }
}

export const issuesSold = (role: Role): boolean => role === 'accounting';
export const renews = (role: Role): boolean => role === 'accounting';

export function typesOf(role: Role): readonly LicenseType[] {
  if (issuesSold(role)) return ['subscription', 'permanent'];
  return purposesOf(role).length > 0 ? ['temporary'] : [];
}

/** Days a temporary license may run: the limits that the service starts with. It says so when its own differ. */
export function daysLimit(purpose: Purpose): number {
  return purpose === 'emergency' ? 14 : 30;
}

export function typeName(type: LicenseType): string {
  switch (type) {
    case 'temporary':
      return 'Temporary';
    case 'subscription':
      return 'Subscription';
    case 'permanent':
      return 'Permanent';
    default:
      return assertNever(type);
  }
}

/** "a trial", "a subscription": a license in the middle of a sentence. */
export function kindWords(type: LicenseType, purpose: Purpose | null): string {
  switch (type) {
    case 'temporary':
      if (purpose === 'trial') return 'a trial';
      return purpose === null ? 'a temporary license' : `${purpose === 'emergency' ? 'an' : 'a'} ${purpose} license`;
    case 'subscription':
      return 'a subscription';
    case 'permanent':
      return 'a permanent license';
    default:
      return assertNever(type);
  }
}
