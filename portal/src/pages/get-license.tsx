import { useEffect, useRef, useState } from 'preact/hooks';
import { modulesOf } from '../license/seats';
import { cleanServerToken, tokenTail } from '../license/server-token';
import { getLicense, tokenInHash } from '../paths';
import { Button } from '../ui/button';
import { Callout, RequestId } from '../ui/callout';
import { TextField } from '../ui/field';
import { Icon } from '../ui/icons';
import { LicenseKey } from '../ui/license-key';
import { LicenseView } from '../ui/license-view';
import { PageTitle } from '../ui/shell';
import { Expired, LoadIt } from './get-license-next';
import { type Found, type Look, useLicenseByToken } from './use-license-by-token';
import { useSlow } from './use-slow';

/** A customer's license by Server Token; `/#t=TOKEN` shows the result at once. */
export function GetLicense() {
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [token, setToken] = useState('');
  const [again, setAgain] = useState(0);
  const { look, busy } = useLicenseByToken(token, again);
  const slow = useSlow(busy);
  const now = cleanServerToken(typed);
  const asking = busy && now.ok && now.token === token;

  const ask = (raw: string) => {
    const cleaned = cleanServerToken(raw);
    setError(cleaned.ok ? null : cleaned.error);
    setToken(cleaned.ok ? cleaned.token : '');
    if (cleaned.ok) setTyped(cleaned.token);
    return cleaned;
  };

  useEffect(() => {
    const read = () => {
      const asked = tokenInHash(location.hash);
      if (asked) setTyped(asked);
      if (asked) ask(asked);
    };
    read();
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);

  const submit = (event: Event) => {
    event.preventDefault();
    const cleaned = ask(typed);
    if (!cleaned.ok) {
      document.getElementById('token')?.focus();
      return;
    }
    if (asking) return; // a second click; another token is another question
    setAgain(again + 1);
    const address = getLicense(cleaned.token);
    if (location.hash !== address.slice(1)) history.pushState(null, '', address);
  };

  const shown = look.state === 'found';
  return (
    <>
      <PageTitle title="Get your license" takesFocus={false} />
      <p class="lead">Enter the Server Token that QMS shows at the top right of its license screen.</p>
      <form class="token-form" noValidate onSubmit={submit}>
        <TextField id="token" label="Server Token" mono error={error} value={typed} onValue={setTyped} />
        <Button
          type="submit"
          kind={shown && look.found.status === 'active' ? 'default' : 'filled'}
          working={slow && asking ? 'Looking…' : null}
        >
          Get license
        </Button>
      </form>
      <Result look={look} onRetry={() => setAgain(again + 1)} />
    </>
  );
}

function Result({ look, onRetry }: { look: Look; onRetry: () => void }) {
  switch (look.state) {
    case 'none':
      return null;
    case 'found':
      return <License key={look.found.signed.id} found={look.found} />;
    case 'nothing':
      return (
        <div class="reading">
          <Callout tone="bad" takesFocus={look} title="No license for this Server Token">
            <p>
              Compare <code>{look.token}</code> with the one in QMS. If it is the same, contact support and send it.
            </p>
          </Callout>
          {look.requestId && <RequestId id={look.requestId} />}
        </div>
      );
    case 'problem':
      return (
        <div class="reading">
          <Callout tone={look.words.tone} takesFocus={look} title={look.words.title}>
            <p>{look.words.text}</p>
            <div>
              <Button icon="renew" onClick={onRetry}>
                Try again
              </Button>
            </div>
          </Callout>
          {look.requestId && <RequestId id={look.requestId} />}
        </div>
      );
  }
}

function License({ found }: { found: Found }) {
  const { signed, licenseKey, status } = found;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [found]);
  const facts = { ...signed, modules: modulesOf(signed.seats, signed.suite) };
  return (
    <div class="columns">
      <div class="stack-16">
        <div class="split">
          <h2 ref={title} tabIndex={-1}>
            The license for this server
          </h2>
          <span class="checked">
            <Icon name="ok" />
            Signature checked in this browser
          </span>
        </div>
        <LicenseView facts={facts} status={status}>
          {status === 'active' && <LicenseKey text={licenseKey} serverToken={signed.serverToken} filled />}
        </LicenseView>
      </div>
      {status === 'active' ? <LoadIt tail={tokenTail(signed.serverToken)} /> : <Expired license={signed} />}
    </div>
  );
}
