// The customers' portal: every screen is listed here. It has no sign-in code.
import { render } from 'preact';
import { GetLicense } from '../pages/get-license';
import { console_, customerHome, publicKeysFile } from '../paths';
import '../styles/base.css';
import '../styles/parts.css';
import '../styles/license.css';
import { Shell } from '../ui/shell';

const screens = [{ name: 'Get your license', href: customerHome, current: true }];

function App() {
  return (
    <Shell
      home={customerHome}
      links={screens}
      aside={<a href={console_}>Staff sign-in</a>}
      foot={
        <>
          <span>No account, no cookies. What you paste stays in this browser unless a button says otherwise.</span>
          <a href={publicKeysFile}>Public keys</a>
        </>
      }
    >
      <GetLicense />
    </Shell>
  );
}

const root = document.getElementById('app');
if (root) render(<App />, root);
