import t, { type Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { parseSettings } from '../../lib/settings/settings.js';
import type { SourceDefinition } from '../../lib/source.js';
import pitchpoint from '../../sources/pitchpoint.js';
import { JWKS, makeKeys, signToken, startIssuer } from '../jwt/support.js';

const { key, stranger } = makeKeys(t, { key: 2048, stranger: 2048 });
const definition = pitchpoint as unknown as SourceDefinition;
const HEADER = { alg: 'RS256', typ: 'JWT', kid: 'key' };

function settingsOf(environment: Record<string, string>) {
  return parseSettings(environment, [definition]).sources['pitchpoint'] ?? {};
}

async function setUp(t: Test, environment: Record<string, string> = {}) {
  const issuer = await startIssuer(t);
  issuer.publish([key]);
  const settings = settingsOf({ PITCHPOINT_ISSUER: issuer.url, PITCHPOINT_AUDIENCE: 'acme', ...environment });
  const source = definition.create(settings, { log: silentLog });
  t.teardown(() => source.close?.());
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: issuer.url, aud: 'acme', sub: 'pitchpoint', iat: now, exp: now + 3_600 };
  const authorization = `Bearer ${signToken(key, HEADER, claims)}`;
  const authenticate = async (headers: Record<string, string>) =>
    source.authenticate({ body: Buffer.from('{}'), headers });
  return { issuer, source, claims, authorization, authenticate };
}

void t.test('settings', (t) => {
  t.equal(definition.name, 'pitchpoint');
  t.equal(definition.enabled(settingsOf({})), false, 'off by default');
  const both = { PITCHPOINT_ISSUER: 'https://issuer.example/x', PITCHPOINT_AUDIENCE: 'acme' };
  t.equal(definition.enabled(settingsOf(both)), true);
  t.same(settingsOf({ ...both, PITCHPOINT_TENANTS: ' OU1243, OU7 ,' }), {
    ...both,
    PITCHPOINT_TENANTS: ['OU1243', 'OU7'],
  });
  t.same(settingsOf({ ...both, PITCHPOINT_JWKS_URI: '', PITCHPOINT_TENANTS: '' }), both, 'empty is unset');
  const uri = 'https://issuer.example/keys?p=1';
  t.match(settingsOf({ ...both, PITCHPOINT_JWKS_URI: uri }), { PITCHPOINT_JWKS_URI: uri });
  t.end();
});

void t.test('settings that are wrong are named', (t) => {
  const both = { PITCHPOINT_ISSUER: 'https://issuer.example', PITCHPOINT_AUDIENCE: 'acme' };
  const wrong: Array<[environment: Record<string, string>, message: RegExp]> = [
    [
      { PITCHPOINT_ISSUER: both.PITCHPOINT_ISSUER },
      /PITCHPOINT_AUDIENCE: expected .* together; given: nothing/,
    ],
    [{ PITCHPOINT_AUDIENCE: 'acme' }, /PITCHPOINT_ISSUER: expected .* together; given: nothing/],
    [{ ...both, PITCHPOINT_ISSUER: 'issuer.example' }, /PITCHPOINT_ISSUER: expected an http or https URL/],
    [{ ...both, PITCHPOINT_ISSUER: 'ftp://issuer.example' }, /PITCHPOINT_ISSUER: expected/],
    [{ ...both, PITCHPOINT_ISSUER: 'https://user@issuer.example' }, /PITCHPOINT_ISSUER: expected/],
    [{ ...both, PITCHPOINT_ISSUER: 'https://issuer.example?a=1' }, /PITCHPOINT_ISSUER: expected/],
    [{ ...both, PITCHPOINT_ISSUER: 'https://issuer.example ' }, /PITCHPOINT_ISSUER: expected/],
    [{ ...both, PITCHPOINT_JWKS_URI: '/keys' }, /PITCHPOINT_JWKS_URI: expected an http or https URL/],
    [{ ...both, PITCHPOINT_JWKS_URI: 'file:///keys' }, /PITCHPOINT_JWKS_URI: expected/],
    [{ ...both, PITCHPOINT_TENANTS: ' , ' }, /PITCHPOINT_TENANTS: expected one or more/],
  ];
  for (const [environment, message] of wrong)
    t.throws(() => settingsOf(environment), message, JSON.stringify(environment));
  t.throws(() => definition.create(settingsOf({}), { log: silentLog }), /together/);
  t.end();
});

void t.test('a genuine token is authentic, anything else is 403', async (t) => {
  const { claims, authorization, authenticate } = await setUp(t);
  t.match(await authenticate({ authorization }), { ok: true });
  t.match(await authenticate({ authorization: authorization.replace('Bearer', 'bearer') }), { ok: true });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const cases: Array<[cause: string, headers: Record<string, string>]> = [
    ['missing-token', {}],
    ['missing-token', { authorization: 'Basic dXNlcjpwdw==' }],
    ['malformed-token', { authorization: `${authorization}, ${authorization}` }],
    ['malformed-token', bearer('a.b.c')],
    ['bad-signature', bearer(signToken(stranger, HEADER, claims))],
    ['unknown-key', bearer(signToken(stranger, { ...HEADER, kid: 'x' }, claims))],
    ['wrong-algorithm', bearer(signToken(key, { ...HEADER, alg: 'none' }, claims))],
    ['wrong-issuer', bearer(signToken(key, HEADER, { ...claims, iss: 'https://other.example' }))],
    ['wrong-audience', bearer(signToken(key, HEADER, { ...claims, aud: 'other' }))],
    ['expired', bearer(signToken(key, HEADER, { ...claims, exp: claims.iat - 3_600 }))],
    ['missing-claim', bearer(signToken(key, HEADER, { ...claims, exp: undefined }))],
  ];
  for (const [cause, headers] of cases) {
    t.match(await authenticate(headers), { ok: false, status: 403, cause, detail: String }, cause);
  }
});

void t.test('the body and its headers do not matter to the token', async (t) => {
  const { source, authorization } = await setUp(t);
  for (const body of ['', 'not json', '\xff']) {
    t.match(await source.authenticate({ body: Buffer.from(body, 'latin1'), headers: { authorization } }), {
      ok: true,
    });
  }
});

void t.test('a key server that is down is no refusal', async (t) => {
  const { issuer, authorization, authenticate, source } = await setUp(t);
  delete issuer.answers[JWKS];
  await t.rejects(source.warmUp?.() ?? Promise.resolve(), /answered 404/);
  await t.rejects(authenticate({ authorization }), { code: 'HKL_ERR_KEYS_UNAVAILABLE', statusCode: 503 });
});

void t.test('warming up fetches the keys', async (t) => {
  const { issuer, authorization, authenticate, source } = await setUp(t);
  await source.warmUp?.();
  t.equal(issuer.count(), 1);
  await authenticate({ authorization });
  t.equal(issuer.count(), 1);
});

void t.test('PITCHPOINT_JWKS_URI is used as it stands', async (t) => {
  const other = await startIssuer(t);
  other.publish([key]);
  const { issuer, authorization, authenticate } = await setUp(t, { PITCHPOINT_JWKS_URI: other.url + JWKS });
  t.match(await authenticate({ authorization }), { ok: true });
  t.same([issuer.requests, other.requests], [[], [JWKS]]);
});

void t.test('PITCHPOINT_TENANTS', async (t) => {
  const { authorization, authenticate } = await setUp(t, { PITCHPOINT_TENANTS: 'OU1243,OU7' });
  for (const tenant of ['OU1243', 'OU7', ' OU7 ', 'OU7, OU7']) {
    t.match(await authenticate({ authorization, 'x-pps-tenant-id': tenant }), { ok: true }, tenant);
  }
  for (const tenant of ['OU8', 'ou7', 'OU1243,OU7', 'OU7, OU8', '', '*', 'OU']) {
    const verdict = await authenticate({ authorization, 'x-pps-tenant-id': tenant });
    t.match(verdict, { ok: false, status: 403, cause: 'tenant-not-allowed' }, tenant);
  }
  t.match(await authenticate({ authorization }), { ok: false, cause: 'tenant-not-allowed' }, 'none at all');
  const forged = await authenticate({ authorization: 'Bearer a.b.c', 'x-pps-tenant-id': 'OU7' });
  t.match(forged, { cause: 'malformed-token' }, 'a tenant is no credential');
});

void t.test('what names an event', async (t) => {
  const { source } = await setUp(t);
  const identify = (headers: Record<string, string | string[]>) =>
    source.identify({ body: Buffer.from('{}'), headers }, undefined);
  t.same(
    identify({
      'x-pps-webhook-id': '279e4e55-dfa0-4e04-b717-148ae547ab7d',
      'x-pps-topic': ' orders/placed ',
      'x-pps-sub-topic': 'product:adv/adv-120',
      'x-pps-tenant-id': 'OU1243',
      'x-pps-triggered-at': '2024-01-1T10:00:00.7777748Z',
    }),
    {
      id: '279e4e55-dfa0-4e04-b717-148ae547ab7d',
      topic: 'orders/placed',
      subTopic: 'product:adv/adv-120',
      tenantId: 'OU1243',
      triggeredAt: '2024-01-1T10:00:00.7777748Z',
    },
  );
  const nothing = {
    id: undefined,
    topic: undefined,
    subTopic: undefined,
    tenantId: undefined,
    triggeredAt: undefined,
  };
  t.same(identify({}), nothing);
  t.same(identify({ 'x-pps-webhook-id': '  ', 'x-pps-topic': '' }), nothing);
});

void t.test('a header sent twice', async (t) => {
  const { source } = await setUp(t);
  const id = (value: string | string[]) =>
    source.identify({ body: Buffer.from('{}'), headers: { 'x-pps-webhook-id': value } }, undefined).id;
  t.equal(id('a, a'), 'a', 'the same value is that value');
  t.equal(id(['a', 'a']), 'a');
  t.equal(id('a, b'), 'a, b', 'of two values none silently wins');
  t.equal(id(['b', 'a']), 'b, a');
  t.equal(id(`a${' '.repeat(15_000)}b`)?.length, 15_002, 'however it is filled');
});
