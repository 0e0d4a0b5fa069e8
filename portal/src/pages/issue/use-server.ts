// What is known about a server before a license for it is issued.
import { useEffect, useState } from 'preact/hooks';
import type { Failure, License } from '../../api/client';
import { search } from '../../api/staff';
import { useSession } from '../../console/session';
import { useLoad } from '../../console/use-load';
import { cleanServerToken } from '../../license/server-token';

const restMs = 350;

export interface Server {
  /** Newest first; null while it is not known. */
  licenses: readonly License[] | null;
  /** The active permanent license or subscription, if there is one. */
  base: License | null;
  failure: Failure | null;
  reload: () => void;
}

/** Looks a Server Token up once typing has rested. */
export function useServer(typed: string): Server {
  const { accessToken } = useSession();
  const cleaned = cleanServerToken(typed);
  const token = cleaned.ok ? cleaned.token : '';
  const [asked, setAsked] = useState(token);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(token), restMs);
    return () => clearTimeout(timer);
  }, [token]);
  const loaded = useLoad(asked, () => search(accessToken, asked));
  const licenses = asked === token && asked !== '' ? (loaded.value?.items ?? null) : null;
  const base = licenses?.find(({ type, status }) => type !== 'temporary' && status === 'active') ?? null;
  return { licenses, base, failure: asked === token ? loaded.failure : null, reload: loaded.reload };
}
