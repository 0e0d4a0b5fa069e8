// The OpenID provider with Cognito's claims: an access token has client_id and no aud, token_use, username, cognito:groups
// and one scope string that holds openid as well.
import { Provider } from 'oidc-provider';
import { bySub } from './people.mjs';

const resource = 'urn:qms-licensing';
const apiScope = 'licensing/staff';
const openidScopes = ['openid', 'profile'];

export function makeProvider({ issuer, origin, clientId, accessTokenSeconds, sessionSeconds, keys }) {
  const home = `${origin}/console/`;
  const provider = new Provider(issuer, {
    jwks: keys.jwks,
    cookies: { keys: keys.cookies },
    clients: [{
      client_id: clientId,
      token_endpoint_auth_method: 'none',
      application_type: 'web', // native would force a consent page
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: [home],
      post_logout_redirect_uris: [home, `${origin}/`],
    }],
    scopes: openidScopes,
    claims: { openid: ['sub', 'cognito:username', 'cognito:groups', 'token_use'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    clientBasedCORS: (ctx, from) => from === origin,
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
    routes: { authorization: '/oauth2/authorize', token: '/oauth2/token', revocation: '/oauth2/revoke', end_session: '/logout' },
    ttl: {
      AccessToken: accessTokenSeconds, IdToken: accessTokenSeconds, AuthorizationCode: 60, Interaction: 600,
      Grant: sessionSeconds, Session: sessionSeconds, RefreshToken: sessionSeconds,
    },
    interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
    findAccount: (ctx, sub) => account(sub),
    loadExistingGrant,
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      resourceIndicators: { // the only way to JWT access tokens here
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: apiScope, audience: clientId, accessTokenTTL: accessTokenSeconds,
          accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    formats: { customizers: { jwt: likeCognito } },
    renderError: (ctx, out) => { ctx.type = 'text/plain'; ctx.body = `Sign-in failed: ${out.error_description ?? out.error}\n`; },
  });
  return provider;
}

function account(sub) {
  const person = bySub(sub);
  return person && {
    accountId: sub,
    claims: () => ({
      sub, token_use: 'id', 'cognito:username': person.username,
      ...(person.groups.length && { 'cognito:groups': person.groups }),
    }),
  };
}

// Everyone has agreed to everything: no consent page.
async function loadExistingGrant(ctx) {
  const { client, session, provider } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(openidScopes.join(' '));
  grant.addResourceScope(resource, apiScope);
  await grant.save();
  return grant;
}

function likeCognito(ctx, token, parts) {
  const person = bySub(token.accountId);
  const asked = (ctx.oidc.params?.scope ?? ctx.oidc.entities.AuthorizationCode?.scope
    ?? ctx.oidc.entities.RefreshToken?.scope ?? '').split(' ');
  const scope = [...(token.scope ?? '').split(' '), ...openidScopes.filter((s) => asked.includes(s))].filter(Boolean);
  // The library insists on an audience and Cognito's access token has none: it is left out as the token is written.
  Object.defineProperty(parts.payload, 'toJSON', { value() { const { aud, ...rest } = this; return rest; } });
  Object.assign(parts.payload, {
    token_use: 'access', version: 2, username: person.username, scope: scope.join(' '), auth_time: parts.payload.iat,
    ...(person.groups.length && { 'cognito:groups': person.groups }),
  });
  return parts;
}
