// Sign-in with code + PKCE. Tokens stay in memory; sessionStorage holds only what must survive the way to the provider and
// back (state, nonce, verifier, the address asked for) and whether this tab was signed in, so that a reload signs in again
// without typing while the provider's session lasts.
import * as oauth from 'oauth4webapi';
import { console_ } from '../paths';
import { type Person, personOf } from './person';

export interface Session {
  accessToken: string;
  person: Person;
  signOut: () => void;
}

export type SignIn =
  | { state: 'signed-out' }
  | { state: 'failed'; reason: string }
  | { state: 'leaving' }
  | { state: 'signed-in'; session: Session };

interface Config {
  issuer: string;
  clientId: string;
  scope: string;
  resource?: string;
}

interface Pending {
  state: string;
  nonce: string;
  verifier: string;
  returnTo: string;
}

const pendingItem = 'sign-in';
const signedInItem = 'signed-in';
const redirectUri = (): string => new URL(console_, location.origin).href;

async function provider(): Promise<{ config: Config; server: oauth.AuthorizationServer; options: object }> {
  const response = await fetch('/config.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`config.json answered ${response.status}`);
  const config = (await response.json()) as Config;
  const issuer = new URL(config.issuer);
  // Plain http is for sign-in on this very machine only.
  const local = issuer.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(issuer.hostname);
  const options = { [oauth.allowInsecureRequests]: local };
  const discovered = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oidc' });
  return { config, server: await oauth.processDiscoveryResponse(issuer, discovered), options };
}

/** What to do when the page opens: finish a sign-in, renew one silently, or wait for the person. */
export async function openSession(): Promise<SignIn> {
  const query = new URLSearchParams(location.search);
  try {
    if (query.has('code') || query.has('error')) return await finish();
    if (sessionStorage.getItem(signedInItem)) {
      await leave();
      return { state: 'leaving' };
    }
    return { state: 'signed-out' };
  } catch (error) {
    sessionStorage.removeItem(signedInItem);
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Goes to the provider's page and comes back to the address shown now. */
export async function leave(): Promise<void> {
  const { config, server } = await provider();
  const pending: Pending = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    returnTo: location.hash,
  };
  if (!server.authorization_endpoint) throw new Error('the sign-in service names no authorization endpoint');
  const target = new URL(server.authorization_endpoint);
  const params = {
    client_id: config.clientId,
    redirect_uri: redirectUri(),
    response_type: 'code',
    scope: config.scope,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    ...(config.resource ? { resource: config.resource } : {}),
  };
  for (const [name, value] of Object.entries(params)) target.searchParams.set(name, value);
  sessionStorage.setItem(pendingItem, JSON.stringify(pending));
  location.assign(target);
}

async function finish(): Promise<SignIn> {
  const here = new URL(location.href);
  const pending = JSON.parse(sessionStorage.getItem(pendingItem) ?? 'null') as Pending | null;
  sessionStorage.removeItem(pendingItem);
  history.replaceState(null, '', console_ + (pending?.returnTo ?? ''));
  if (!pending) return { state: 'signed-out' };
  const { config, server, options } = await provider();
  const client: oauth.Client = { client_id: config.clientId };
  const params = oauth.validateAuthResponse(server, client, here, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    params,
    redirectUri(),
    pending.verifier,
    { ...options, ...(config.resource ? { additionalParameters: { resource: config.resource } } : {}) },
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: pending.nonce,
    requireIdToken: true,
  });
  const person = personOf(tokens.access_token);
  ownDrafts(person.subject);
  sessionStorage.setItem(signedInItem, 'yes');
  const signOut = () => endSession(config, server, tokens.id_token);
  return { state: 'signed-in', session: { accessToken: tokens.access_token, person, signOut } };
}

/** What one person typed is not shown to the next. */
function ownDrafts(subject: string): void {
  const owner = 'owner';
  if (sessionStorage.getItem(owner) !== subject) sessionStorage.clear();
  sessionStorage.setItem(owner, subject);
}

function endSession(config: Config, server: oauth.AuthorizationServer, idToken: string | undefined): void {
  sessionStorage.clear();
  if (!server.end_session_endpoint) {
    location.assign(console_);
    location.reload();
    return;
  }
  const target = new URL(server.end_session_endpoint);
  target.searchParams.set('client_id', config.clientId);
  target.searchParams.set('post_logout_redirect_uri', redirectUri());
  target.searchParams.set('logout_uri', redirectUri()); // Cognito's name for it
  if (idToken) target.searchParams.set('id_token_hint', idToken);
  location.assign(target);
}
