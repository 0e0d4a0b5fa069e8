import { dayWords } from '../license/dates';
import type { SignedLicense } from '../license/verify';
import { Callout } from '../ui/callout';

/** What to do with the license key. */
export function LoadIt({ tail }: { tail: string }) {
  return (
    <aside class="stack-16" aria-labelledby="load-it">
      <h2 id="load-it">Load it in QMS</h2>
      <ol class="steps">
        <li>
          <strong>Open the license screen</strong>
          <br />
          in the QMS client, as an administrator.
        </li>
        <li>
          <strong>Compare the Server Token</strong>
          <br />
          It must end in <code>{tail}</code>, as it does here.
        </li>
        <li>
          <strong>Paste the license key</strong>
          <br />
          and save. QMS then shows these same seats.
        </li>
      </ol>
      <hr />
      <h3 class="card-title">If it does not load</h3>
      <p>Paste it into Notepad and copy it from there, or use the .lic file.</p>
      <p>
        If QMS shows another Server Token, undo the last change to the network card's properties, then start QMS again.
        If that fails, contact Enghouse Interactive Support and send the Server Token.
      </p>
    </aside>
  );
}

/** The remedy of a license that has ended: QMS would not load its key, so there is none to copy. */
export function Expired({ license }: { license: SignedLicense }) {
  const ended = license.expiresOn ? `It ended on ${dayWords(license.expiresOn)}.` : 'It has ended.';
  const remedy =
    license.type === 'temporary' ? 'Ask your QMS contact for a new license.' : 'Ask your QMS contact to renew it.';
  return (
    <aside class="stack-16" aria-label="What to do">
      <Callout tone="bad" title="This license has expired">
        <p>
          {ended} {remedy}
        </p>
      </Callout>
      <p class="hint">
        QMS shows only this view until a new license is loaded. The new one is found here by the same Server Token.
      </p>
    </aside>
  );
}
