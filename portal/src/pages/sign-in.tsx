import { useState } from 'preact/hooks';
import { leave } from '../console/sign-in';
import { customerHome } from '../paths';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Icon, Mark } from '../ui/icons';
import { PageTitle } from '../ui/shell';

/** Before sign-in. The reason is there when the last try failed. */
export function SignInPage({ reason }: { reason: string | null }) {
  const [working, setWorking] = useState(false);
  const [failed, setFailed] = useState(reason);
  const go = () => {
    setWorking(true);
    leave().catch((error: unknown) => {
      setWorking(false);
      setFailed(error instanceof Error ? error.message : String(error));
    });
  };
  return (
    <div class="page wide">
      <main class="inner">
        <div class="sign-in">
          <div class="sign-in-name">
            <Mark />
            <div>
              <p class="card-title">QMS Licensing</p>
              <p class="hint">for QMS staff</p>
            </div>
          </div>
          {failed && (
            <Callout tone="bad" takesFocus title="You are not signed in">
              <p>
                The company sign-in did not answer as it should. Try again; if it fails again, tell an administrator:
              </p>
              <p>
                <code>{failed}</code>
              </p>
            </Callout>
          )}
          <section class="card">
            <PageTitle title="Sign in" takesFocus={false} />
            <p>
              For sales, support, accounting and administrators. You continue on the company sign-in page and come back
              here.
            </p>
            <Button kind="filled" working={working ? 'Opening the sign-in page…' : null} onClick={go}>
              Continue with company account <Icon name="arrow" />
            </Button>
          </section>
          <div>
            <h2 class="card-title">Are you a customer?</h2>
            <p class="muted">
              <a href={customerHome}>Get your license</a> with the Server Token of your server. You need no account.
            </p>
          </div>
        </div>
      </main>
      <footer class="foot">
        <div class="inner">This page asks for no password.</div>
      </footer>
    </div>
  );
}
