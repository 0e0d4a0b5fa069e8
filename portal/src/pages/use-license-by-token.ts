// Gets a license by its Server Token and verifies it before anything of it is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Failure, isCode } from '../api/client';
import { failureWords, keyProblemWords, type Words } from '../api/problem-words';
import { publicKeys, retrieve } from '../api/public';
import type { SignedLicense } from '../license/verify';
import { verifyLicenseKey } from '../license/verify';

export interface Found {
  /** What the signed text says, not what the answer around it claims. */
  signed: SignedLicense;
  licenseKey: string;
  status: 'active' | 'expired';
}

export type Look =
  | { state: 'none' }
  | { state: 'found'; token: string; found: Found }
  | { state: 'nothing'; token: string; requestId: string | null }
  | { state: 'problem'; token: string; words: Words; requestId: string | null };

export function useLicenseByToken(token: string, again: number): { look: Look; busy: boolean } {
  const [look, setLook] = useState<Look>({ state: 'none' });
  const [busy, setBusy] = useState(false);
  const latest = useRef(0);
  useEffect(() => {
    latest.current += 1;
    const turn = latest.current;
    setBusy(token !== '');
    if (!token) {
      setLook({ state: 'none' });
      return;
    }
    void lookUp(token).then((result) => {
      if (turn !== latest.current) return; // a newer question is on its way
      setLook(result);
      setBusy(false);
    });
  }, [token, again]);
  return { look, busy };
}

async function lookUp(token: string): Promise<Look> {
  const [answer, keys] = await Promise.all([retrieve(token), publicKeys()]);
  if (!answer.ok) {
    const { failure } = answer;
    return isCode(failure, 'license_not_found')
      ? { state: 'nothing', token, requestId: requestIdOf(failure) }
      : refused(token, failure);
  }
  if (!keys.ok) return refused(token, keys.failure);
  const { licenseKey, status } = answer.value.license;
  const verdict = await verifyLicenseKey(licenseKey, keys.value.keys);
  if (!verdict.ok) return problem(token, keyProblemWords(verdict.code));
  if (verdict.license.serverToken !== token) return problem(token, otherServer);
  return { state: 'found', token, found: { signed: verdict.license, licenseKey, status } };
}

const otherServer: Words = {
  tone: 'bad',
  title: 'This license was made for another server',
  text: 'It is not shown. Contact support and send the Server Token.',
};

function refused(token: string, failure: Failure): Look {
  return { state: 'problem', token, words: failureWords(failure, 'looking'), requestId: requestIdOf(failure) };
}

const requestIdOf = (failure: Failure): string | null =>
  failure.kind === 'problem' ? failure.problem.requestId : null;

const problem = (token: string, words: Words): Look => ({ state: 'problem', token, words, requestId: null });
