import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Role } from '../license/roles';
import type { Session } from './sign-in';

/** A session of a person who has a role here. */
export type StaffSession = Session & { role: Role };

export const SessionContext = createContext<StaffSession | null>(null);

export function useSession(): StaffSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error('a staff page is shown without a session');
  return session;
}
