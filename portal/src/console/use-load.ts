import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer, Failure } from '../api/client';

export interface Loaded<T> {
  value: T | null;
  etag: string | null;
  failure: Failure | null;
  busy: boolean;
  reload: () => void;
}

/** Loads what a page shows; the old content stays until the new is there. `what` names it; empty: nothing to load. */
export function useLoad<T>(what: string, load: () => Promise<Answer<T>>): Loaded<T> {
  const [turn, setTurn] = useState(0);
  const [shown, setShown] = useState<{ what: string; answer: Answer<T> } | null>(null);
  const [busy, setBusy] = useState(false);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (!what) return;
    let current = true;
    setBusy(true);
    void latest.current().then((answer) => {
      if (!current) return;
      setShown({ what, answer });
      setBusy(false);
    });
    return () => {
      current = false;
    };
  }, [what, turn]);
  const answer = shown?.what === what ? shown.answer : null;
  return {
    value: answer?.ok ? answer.value : null,
    etag: answer?.ok ? answer.etag : null,
    failure: answer && !answer.ok ? answer.failure : null,
    busy,
    reload: () => setTurn(turn + 1),
  };
}
