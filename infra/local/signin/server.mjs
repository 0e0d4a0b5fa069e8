// The local sign-in. Reads its settings as JSON from the environment (SIGNIN), listens on 127.0.0.1, prints
// "listening <port>" and ends when its standard input ends, so that it never outlives its parent.
import { createServer } from 'node:http';
import { loadKeys } from './keys.mjs';
import { lostPage, signInPage, style } from './page.mjs';
import { byUsername } from './people.mjs';

const settings = JSON.parse(process.env.SIGNIN);

// The library warns about Node 20 and http on every start; what goes wrong is reported below instead.
const { warn, info } = console;
console.warn = () => {};
console.info = () => {};
const { makeProvider } = await import('./provider.mjs');

const server = createServer();
server.listen(settings.port, '127.0.0.1');
server.on('error', (err) => { console.error(err.message); process.exit(1); });
server.on('listening', () => {
  const { port } = server.address();
  const issuer = `http://localhost:${port}`;
  const provider = makeProvider({ ...settings, issuer, keys: loadKeys(settings.dir) });
  Object.assign(console, { warn, info });
  provider.on('server_error', (ctx, err) => console.error(err.stack));
  const oidc = provider.callback();
  server.on('request', (req, res) => {
    handle(provider, oidc, req, res).catch((err) => {
      if (err.name !== 'SessionNotFound') console.error(err.stack);
      if (res.headersSent) res.destroy();
      else html(res, 400, lostPage());
    });
  });
  console.log(`listening ${port}`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

async function handle(provider, oidc, req, res) {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  if (pathname === '/signin.css') {
    res.writeHead(200, { 'content-type': 'text/css', 'cache-control': 'max-age=3600', 'x-content-type-options': 'nosniff' });
    res.end(style);
  } else if (pathname.startsWith('/login/')) {
    await login(provider, req, res);
  } else if (pathname === '/logout' && req.method === 'GET') {
    await logout(provider, searchParams, req, res);
  } else {
    oidc(req, res);
  }
}

async function login(provider, req, res) {
  const { uid } = await provider.interactionDetails(req, res);
  if (req.method !== 'POST') {
    html(res, 200, signInPage(`/login/${uid}`));
    return;
  }
  const person = byUsername(new URLSearchParams(await body(req)).get('username'));
  if (!person) {
    html(res, 400, signInPage(`/login/${uid}`));
    return;
  }
  await provider.interactionFinished(req, res, { login: { accountId: person.sub } });
}

// Cognito's GET /logout?client_id&logout_uri (or OpenID's post_logout_redirect_uri): no question asked.
async function logout(provider, query, req, res) {
  const ctx = provider.createContext(req, res);
  const session = await provider.Session.get(ctx);
  await session.destroy();
  ctx.cookies.set(provider.cookieName('session'), null, { signed: true });
  const client = await provider.Client.find(query.get('client_id') ?? settings.clientId);
  const back = query.get('logout_uri') ?? query.get('post_logout_redirect_uri');
  const allowed = back !== null && client?.postLogoutRedirectUriAllowed(back);
  res.writeHead(303, { location: allowed ? back : `${settings.origin}/console/`, 'cache-control': 'no-store' });
  res.end();
}

async function body(req) {
  let text = '';
  for await (const chunk of req) {
    text += chunk;
    if (text.length > 4096) throw new Error('the form is too large');
  }
  return text;
}

function html(res, status, text) {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src 'self'; form-action 'self' ${settings.origin}; frame-ancestors 'none'; base-uri 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  res.end(text);
}
