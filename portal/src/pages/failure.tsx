import type { ComponentChildren } from 'preact';
import { type Failure, sessionOver } from '../api/client';
import { type Doing, failureWords } from '../api/problem-words';
import { Button } from '../ui/button';
import { Callout, RequestId } from '../ui/callout';
import { SignInAgain } from './sign-in-again';

interface Props {
  failure: Failure;
  doing: Doing;
  onRetry?: () => void;
  /** Remedies of this page beside the usual ones. */
  children?: ComponentChildren;
}

/** Verdict, reason, remedy of a request that failed. */
export function FailureCallout({ failure, doing, onRetry, children }: Props) {
  const words = failureWords(failure, doing);
  const problem = failure.kind === 'problem' ? failure.problem : null;
  const fields = problem?.errors?.filter((error) => error.detail !== problem.detail) ?? [];
  return (
    <div>
      <Callout tone={words.tone} takesFocus={failure} title={words.title}>
        <p>{words.text}</p>
        {fields.length > 0 && (
          <ul>
            {fields.map((error) => (
              <li key={error.pointer}>{error.detail}</li>
            ))}
          </ul>
        )}
        <div class="actions">
          {sessionOver(failure) ? (
            <SignInAgain />
          ) : (
            onRetry && (
              <Button icon="renew" onClick={onRetry}>
                Try again
              </Button>
            )
          )}
          {children}
        </div>
      </Callout>
      {problem && <RequestId id={problem.requestId} />}
    </div>
  );
}
