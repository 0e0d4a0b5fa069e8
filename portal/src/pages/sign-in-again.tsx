import { useState } from 'preact/hooks';
import { leave } from '../console/sign-in';
import { Button } from '../ui/button';

/** The remedy where the session ended. It says so when the sign-in page cannot be opened. */
export function SignInAgain({ small }: { small?: boolean }) {
  const [state, setState] = useState<'idle' | 'opening' | 'failed'>('idle');
  const go = () => {
    setState('opening');
    leave().catch(() => setState('failed'));
  };
  return (
    <>
      <Button small={small ?? false} working={state === 'opening' ? 'Opening the sign-in page…' : null} onClick={go}>
        Sign in again
      </Button>
      <span role="alert">
        {state === 'failed' &&
          'The sign-in page cannot be opened. What you typed is kept. Check your connection, then try again.'}
      </span>
    </>
  );
}
