import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { KeyServer, type KeyServerOptions } from '../../lib/jwt/key-server.js';
import { DISCOVERY, hang, JWKS, json, makeClock, makeKeys, startIssuer, status } from './support.js';
import { openssl } from '../support/openssl.js';

const { key } = makeKeys(t, { key: 2048 });
const SET = json({ keys: [key.jwk] });
const DAY = 86_400_000;

async function setUp(t: Test, options: Partial<KeyServerOptions> = {}) {
  const issuer = await startIssuer(t);
  const clock = makeClock();
  const server = new KeyServer({
    issuer: issuer.url,
    timeoutMs: 10_000,
    maxBytes: 10_000,
    maxKeys: 10,
    discoveryFor: DAY,
    now: clock.now,
    signal: new AbortController().signal,
    ...options,
  });
  const discover = (document: object) => {
    issuer.answers[DISCOVERY] = json(document);
  };
  return { issuer, clock, server, discover };
}

void t.test('discovery leads to the key set, and is remembered', async (t) => {
  const { issuer, clock, server, discover } = await setUp(t);
  discover({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` });
  issuer.answers['/keys'] = SET;
  t.ok((await server.fetchKeys()).keys.has('key'));
  await server.fetchKeys();
  t.same(issuer.requests, [DISCOVERY, '/keys', '/keys']);
  clock.advance(DAY);
  discover({ issuer: issuer.url, jwks_uri: `${issuer.url}/moved` });
  issuer.answers['/moved'] = SET;
  await server.fetchKeys();
  t.same(issuer.requests.slice(3), [DISCOVERY, '/moved'], 'asked again after its time');
});

void t.test('an issuer without a discovery document has its keys at the well-known place', async (t) => {
  const { issuer, server } = await setUp(t);
  issuer.answers[JWKS] = SET;
  t.ok((await server.fetchKeys()).keys.has('key'), '404');
  t.same(issuer.requests, [DISCOVERY, JWKS]);
  for (const answer of [status(403), json('<html>home page'), SET, json([]), json('null')]) {
    const { issuer, server } = await setUp(t);
    issuer.answers[DISCOVERY] = answer;
    issuer.answers[JWKS] = SET;
    t.ok((await server.fetchKeys()).keys.has('key'));
  }
});

void t.test(
  'a slash at the end of the issuer is dropped before the path, and kept for the comparison',
  async (t) => {
    const issuer = await startIssuer(t);
    const { server } = await setUp(t, { issuer: `${issuer.url}/tenant/` });
    issuer.answers['/tenant/keys'] = SET;
    issuer.answers[`/tenant${DISCOVERY}`] = json({
      issuer: `${issuer.url}/tenant/`,
      jwks_uri: `${issuer.url}/tenant/keys`,
    });
    t.ok((await server.fetchKeys()).keys.has('key'));
    issuer.answers[`/tenant${DISCOVERY}`] = json({
      issuer: `${issuer.url}/tenant`,
      jwks_uri: `${issuer.url}/keys`,
    });
    const { server: second } = await setUp(t, { issuer: `${issuer.url}/tenant/` });
    await t.rejects(second.fetchKeys(), /another issuer/);
  },
);

void t.test('a document of another issuer is refused, and nothing is fetched for it', async (t) => {
  const { issuer, server, discover } = await setUp(t);
  issuer.answers[JWKS] = issuer.answers['/keys'] = SET;
  for (const named of [
    'https://evil.example',
    `${issuer.url}/`,
    issuer.url.toUpperCase(),
    undefined,
    [issuer.url],
  ]) {
    discover({ issuer: named, jwks_uri: `${issuer.url}/keys` });
    await t.rejects(server.fetchKeys(), /another issuer/, String(named));
  }
  t.equal(issuer.count('/keys') + issuer.count(JWKS), 0);
});

void t.test('a document whose key set cannot be used is refused', async (t) => {
  const { issuer, server, discover } = await setUp(t);
  issuer.answers[JWKS] = SET;
  for (const uri of [
    undefined,
    7,
    '',
    '/keys',
    'ftp://127.0.0.1/keys',
    'data:application/json,{}',
    'file:///keys',
  ]) {
    discover({ issuer: issuer.url, jwks_uri: uri });
    await t.rejects(server.fetchKeys(), /no key set, or one that is not https/, String(uri));
  }
  t.equal(issuer.count(), 0);
});

void t.test('an https issuer may not send us to http', async (t) => {
  const plain = await startIssuer(t);
  plain.answers['/keys'] = SET;
  const args = ['req', '-x509', '-key', key.file, '-subj', '/CN=issuer', '-days', '1'];
  const https = createServer({ key: readFileSync(key.file), cert: openssl(args) }, (_, response) => {
    response.end(JSON.stringify({ issuer, jwks_uri: `${plain.url}/keys` }));
  });
  await new Promise<void>((resolve) => {
    https.listen(0, '127.0.0.1', resolve);
  });
  const issuer = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.teardown(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    https.closeAllConnections();
    https.close();
  });
  const { server } = await setUp(t, { issuer });
  await t.rejects(server.fetchKeys(), /not https/);
  t.equal(plain.count('/keys'), 0);
});

void t.test('a given address needs no discovery', async (t) => {
  const issuer = await startIssuer(t);
  const { server } = await setUp(t, {
    issuer: 'https://unreachable.invalid',
    jwksUri: `${issuer.url}/keys?v=1`,
  });
  issuer.answers['/keys?v=1'] = SET;
  t.ok((await server.fetchKeys()).keys.has('key'));
  t.same(issuer.requests, ['/keys?v=1']);
});

void t.test('a known address outlives an outage of discovery, not a contradiction', async (t) => {
  const { issuer, clock, server, discover } = await setUp(t);
  discover({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` });
  issuer.answers['/keys'] = SET;
  await server.fetchKeys();
  clock.advance(DAY);
  issuer.answers[DISCOVERY] = status(503);
  t.ok((await server.fetchKeys()).keys.has('key'));
  discover({ issuer: 'https://evil.example', jwks_uri: `${issuer.url}/keys` });
  await t.rejects(server.fetchKeys(), /another issuer/);
});

void t.test('a key set that has moved is found again at once', async (t) => {
  const { issuer, server, discover } = await setUp(t);
  discover({ issuer: issuer.url, jwks_uri: `${issuer.url}/old` });
  issuer.answers['/old'] = SET;
  await server.fetchKeys();
  delete issuer.answers['/old'];
  discover({ issuer: issuer.url, jwks_uri: `${issuer.url}/new` });
  issuer.answers['/new'] = SET;
  await t.rejects(server.fetchKeys(), /answered 404/);
  t.ok((await server.fetchKeys()).keys.has('key'));
});

void t.test('an issuer in trouble is no issuer without discovery', async (t) => {
  const { issuer, server } = await setUp(t);
  issuer.answers[JWKS] = SET;
  for (const code of [429, 500, 503]) {
    issuer.answers[DISCOVERY] = status(code);
    await t.rejects(server.fetchKeys(), new RegExp(`answered ${code}`));
  }
  t.equal(issuer.count(), 0);
});

void t.test('redirects, oversized and foreign answers are refused', async (t) => {
  const { issuer, server } = await setUp(t);
  issuer.answers['/elsewhere'] = SET;
  issuer.answers[JWKS] = status(302, { location: '/elsewhere' });
  await t.rejects(server.fetchKeys(), { name: 'FetchError', reason: 'redirect' });
  issuer.answers[JWKS] = json({ keys: [key.jwk], padding: 'x'.repeat(10_000) });
  await t.rejects(server.fetchKeys(), { name: 'FetchError', reason: 'too-large' });
  issuer.answers[JWKS] = json('<html>');
  await t.rejects(server.fetchKeys(), /not a JSON Web Key Set/);
  issuer.answers[JWKS] = status(500);
  await t.rejects(server.fetchKeys(), /answered 500/);
  t.equal(issuer.count('/elsewhere'), 0);

  const { issuer: second, server: fresh } = await setUp(t);
  second.answers['/elsewhere'] = second.answers[JWKS] = SET;
  second.answers[DISCOVERY] = status(307, { location: '/elsewhere' });
  await t.rejects(fresh.fetchKeys(), { name: 'FetchError', reason: 'redirect' });
  t.same(second.requests, [DISCOVERY], 'discovery is not redirected either');
});

void t.test('a server that hangs meets a deadline', async (t) => {
  const { issuer, server } = await setUp(t, { timeoutMs: 100 });
  issuer.answers[DISCOVERY] = hang;
  await t.rejects(server.fetchKeys(), { name: 'FetchError', reason: 'timeout' });
  delete issuer.answers[DISCOVERY];
  issuer.answers[JWKS] = hang;
  await t.rejects(server.fetchKeys(), { name: 'FetchError', reason: 'timeout' });
});

void t.test('discovery and key set share one deadline', async (t) => {
  const { issuer, server } = await setUp(t, { timeoutMs: 400 });
  issuer.answers[DISCOVERY] = (response) => void setTimeout(() => response.writeHead(404).end(), 250);
  issuer.answers[JWKS] = (response, request) => void setTimeout(() => SET(response, request), 250);
  await t.rejects(
    server.fetchKeys(),
    { name: 'FetchError', reason: 'timeout' },
    'each is fast enough, both are not',
  );
});

void t.test('how long the keys may be kept', async (t) => {
  const { issuer, server } = await setUp(t);
  const cases: Array<[Record<string, string>, number | undefined]> = [
    [{}, undefined],
    [{ 'cache-control': 'public' }, undefined],
    [{ 'cache-control': 'public, max-age=120, must-revalidate' }, 120_000],
    [{ 'cache-control': 'MAX-AGE="120"' }, 120_000],
    [{ 'cache-control': 's-maxage=999' }, undefined],
    [{ 'cache-control': 'max-age=120', age: '50' }, 70_000],
    [{ 'cache-control': 'max-age=120', age: '500' }, 0],
    [{ 'cache-control': 'max-age=120', age: 'old' }, 120_000],
    [{ 'cache-control': 'no-store, max-age=120' }, 0],
    [{ 'cache-control': 'no-cache' }, 0],
    [{ 'cache-control': 'max-age=-1' }, undefined],
    [{ 'cache-control': 'max-age=99999999999999999999' }, 9_999_999_999_000],
  ];
  for (const [headers, lifetime] of cases) {
    issuer.answers[JWKS] = json({ keys: [key.jwk] }, headers);
    t.equal((await server.fetchKeys()).lifetime, lifetime, JSON.stringify(headers));
  }
});
