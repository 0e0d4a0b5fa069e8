// A write as a form sends it: a second click or a retry of the same content is the same request.
import { useRef, useState } from 'preact/hooks';
import { keyFor, settle } from '../api/attempts';
import { type Answer, type Failure, isCode } from '../api/client';
import type { Write } from '../api/staff';

interface Request<B> {
  path: string;
  body: B;
  ifMatch: string | null;
}

export interface Writer<B> {
  working: boolean;
  failure: Failure | null;
  submit: (request: Request<B>) => void;
  forget: () => void;
}

export function useWrite<B, T>(call: (write: Write<B>) => Promise<Answer<T>>, done: (value: T) => void): Writer<B> {
  const busy = useRef(false);
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const submit = async (request: Request<B>) => {
    if (busy.current) return;
    busy.current = true;
    setWorking(true);
    const { body, ifMatch } = request;
    const answer = await call({ body, ifMatch, idempotencyKey: keyFor(request) });
    busy.current = false;
    setWorking(false);
    setFailure(answer.ok ? null : answer.failure);
    if (answer.ok) {
      settle(request);
      done(answer.value);
    } else if (isCode(answer.failure, 'issue_voided') || isCode(answer.failure, 'idempotency_key_reused')) {
      settle(request); // this key will never answer otherwise
    }
  };
  return { working, failure, submit: (request) => void submit(request), forget: () => setFailure(null) };
}
