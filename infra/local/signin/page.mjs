// The sign-in page: one click per user, in the portal's look.
import { people } from './people.mjs';

export const style = `:root {
  color-scheme: light dark;
  --bg: light-dark(#f4f6f5, #0e1618); --surface: light-dark(#ffffff, #152023); --line: light-dark(#d3dad9, #2e4045);
  --edge: light-dark(#6c7a79, #7a9096); --text: light-dark(#132224, #e6eded); --muted: light-dark(#4f5d5e, #a4b4b6);
  --accent: light-dark(#0a5a69, #74cbd9); --tint: light-dark(#dbecef, #17393f);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 26rem; margin: 64px auto; padding: 32px; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
h1 { margin: 0 0 4px; font-size: 22px; line-height: 1.3; font-weight: 600; }
p { margin: 0 0 24px; color: var(--muted); }
form { display: grid; gap: 8px; }
button { display: flex; justify-content: space-between; align-items: baseline; gap: 12px; min-height: 44px; padding: 8px 14px;
  font: inherit; font-weight: 600; color: var(--text); background: var(--surface); border: 1px solid var(--edge); border-radius: 4px; cursor: pointer; }
button span { font-size: 13px; font-weight: 400; color: var(--muted); }
button:hover { background: var(--tint); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 480px) { main { margin: 16px; padding: 24px 16px; } }
`;

const button = ({ username, groups }) => `<button name="username" value="${username}">${username}<span>${
  groups.join(' and ') || 'no role'}</span></button>`;

const page = (title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><link rel="stylesheet" href="/signin.css"></head>
<body><main><h1>${title}</h1>${body}</main></body></html>
`;

export const signInPage = (action) => page('Sign in to QMS Licensing', `<p>Local sign-in, without passwords. Choose who you are.</p>
<form method="post" action="${action}">${people.map(button).join('\n')}</form>`);

export const lostPage = () => page('This sign-in is over', `<p>It was open for too long, or was already used.
Go back to the console and sign in again.</p>`);
