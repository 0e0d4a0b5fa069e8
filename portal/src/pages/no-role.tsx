import { customerHome } from '../paths';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { PageTitle, Shell } from '../ui/shell';

/** Signed in, but in none of the four groups, or in two. */
export function NoRolePage({ username, signOut }: { username: string; signOut: () => void }) {
  return (
    <Shell
      wide
      home={customerHome}
      links={[]}
      aside={
        <Button small onClick={signOut}>
          Sign out
        </Button>
      }
      foot={`Signed in as ${username}.`}
    >
      <PageTitle title="No role" />
      <div class="reading">
        <Callout tone="bad" title="Your account has no role here.">
          <p>Ask an administrator for sales, support or accounting. Then sign out and sign in again.</p>
        </Callout>
      </div>
    </Shell>
  );
}
