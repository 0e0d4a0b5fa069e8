// The staff console: every screen is listed here.
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { assertNever } from '../license/assert-never';
import { HomePage } from '../pages/home';
import { IssuePage } from '../pages/issue/issue';
import { LicensePage } from '../pages/license/license';
import { LicensesPage } from '../pages/licenses';
import { NoRolePage } from '../pages/no-role';
import { SignInPage } from '../pages/sign-in';
import { UnknownPage } from '../pages/unknown';
import * as paths from '../paths';
import '../styles/base.css';
import '../styles/parts.css';
import '../styles/license.css';
import '../styles/console.css';
import { Shell } from '../ui/shell';
import { Aside } from './aside';
import { SessionContext } from './session';
import { openSession, type SignIn } from './sign-in';

function Screen({ route }: { route: paths.Route }) {
  switch (route.screen) {
    case 'home':
      return <HomePage />;
    case 'issue':
      return <IssuePage token={route.token} />;
    case 'licenses':
      return <LicensesPage key={route.token} token={route.token} />;
    case 'license':
      return <LicensePage key={route.id} id={route.id} />;
    case 'unknown':
      return <UnknownPage />;
    default:
      return assertNever(route);
  }
}

function Console({ session }: { session: Extract<SignIn, { state: 'signed-in' }>['session'] }) {
  const [route, setRoute] = useState(() => paths.consoleRoute(location.hash));
  useEffect(() => {
    const read = () => setRoute(paths.consoleRoute(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  const { person } = session;
  if (!person.role) return <NoRolePage username={person.username} signOut={session.signOut} />;
  const staff = { ...session, role: person.role };
  const links = [
    { name: 'Home', href: paths.home, current: route.screen === 'home' },
    { name: 'Licenses', href: paths.licenses(), current: route.screen === 'licenses' || route.screen === 'license' },
    { name: 'Issue', href: paths.issue(), current: route.screen === 'issue' },
  ];
  return (
    <SessionContext.Provider value={staff}>
      <Shell
        wide
        home={paths.home}
        links={links}
        aside={<Aside />}
        foot="Every change here is recorded with your name."
      >
        <Screen route={route} />
      </Shell>
    </SessionContext.Provider>
  );
}

function App() {
  const [signIn, setSignIn] = useState<SignIn>({ state: 'leaving' });
  useEffect(() => void openSession().then(setSignIn), []);
  switch (signIn.state) {
    case 'leaving':
      return <p class="hidden">Signing in…</p>;
    case 'signed-out':
      return <SignInPage reason={null} />;
    case 'failed':
      return <SignInPage reason={signIn.reason} />;
    case 'signed-in':
      return <Console session={signIn.session} />;
    default:
      return assertNever(signIn);
  }
}

const root = document.getElementById('app');
if (root) render(<App />, root);
