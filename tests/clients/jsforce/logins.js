// The ways into the org that jsforce knows. Returns the connection that can renew itself.
'use strict';

const crypto = require('node:crypto');
const { Connection, OAuth2 } = require('jsforce');

const VERSION = '62.0';

/** An RS256 assertion: jsforce hands one over, and leaves the making to its caller. */
function assertion({ login, bearer, privateKey }, username) {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const claims = { iss: bearer, sub: username, aud: login, exp: Math.floor(Date.now() / 1000) + 180 };
  const signed = `${encode({ alg: 'RS256' })}.${encode(claims)}`;
  return `${signed}.${crypto.sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

function bearer(settings, username) {
  const connection = new Connection({ loginUrl: settings.login, version: VERSION });
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  return connection
    .authorize({ grant_type: grant, assertion: assertion(settings, username) })
    .then(() => connection);
}

function byCredentials(settings, loginUrl, clientSecret) {
  const oauth2 = { loginUrl, clientId: settings.credentials, clientSecret };
  const connection = new Connection({ oauth2, version: VERSION });
  return connection.authorize({ grant_type: 'client_credentials' }).then(() => connection);
}

/** What a person's browser does on the authorisation page of an app that needs no approval. */
async function signIn({ login, username, password }, url) {
  const page = await (await fetch(url)).text();
  const request = /name="request" value="([^"]*)"/.exec(page)[1];
  const body = new URLSearchParams({ request, username, password });
  const answer = await fetch(`${login}/login`, { method: 'POST', body, redirect: 'manual' });
  return new URL(answer.headers.get('location'));
}

async function web({ settings, check, refused }) {
  const oauth2 = new OAuth2({
    loginUrl: settings.login,
    clientId: settings.web,
    clientSecret: settings.secret,
    redirectUri: settings.callback,
    useVerifier: true,
  });
  const back = await signIn(settings, oauth2.getAuthorizationUrl({ scope: 'api refresh_token id', state: 'a/1 b' }));
  check('the login leads back with the state', back.searchParams.get('state') === 'a/1 b', back.href);
  const connection = new Connection({ oauth2, version: VERSION });
  const code = back.searchParams.get('code');
  const user = await connection.authorize(code);
  check('exchanges a code with its verifier', /^005/.test(user.id) && Boolean(connection.refreshToken), user);
  check('is sent to the instance host', connection.instanceUrl === settings.instance, connection.instanceUrl);
  await refused('a code works once', 'invalid_grant', () => oauth2.requestToken(code));
  const identity = await connection.identity();
  check('asks who it is', identity.username === settings.username, identity);
  return connection;
}

module.exports = async (context) => {
  const { settings, check, refused } = context;
  const signed = await bearer(settings, settings.username);
  check('logs in with a signed assertion', /^00D/.test(signed.accessToken));
  await refused('an assertion for nobody is refused', 'invalid_grant', () => bearer(settings, 'nobody@org.example'));
  const credentialed = await byCredentials(settings, settings.instance, settings.secret);
  check('logs in with client credentials', /^00D/.test(credentialed.accessToken));
  await refused('client credentials are refused on the login host', 'invalid_grant', () =>
    byCredentials(settings, settings.login, settings.secret));
  await refused('a wrong secret is refused', 'invalid_client', () =>
    byCredentials(settings, settings.instance, 'wrong'));

  const connection = await web(context);
  let renewed = 0;
  connection.on('refresh', () => (renewed += 1));
  await context.control('expire-tokens');
  const limits = await connection.limits();
  check('renews an ended session with its refresh token', renewed === 1 && limits.DailyApiRequests.Max > 0, { renewed });

  const other = await bearer(settings, settings.username);
  await other.logout();
  const left = new Connection({ instanceUrl: settings.instance, accessToken: signed.accessToken, version: VERSION });
  await refused('without one, an ended session stays ended', 'INVALID_SESSION_ID', () => left.limits());
  return connection;
};
