import t from 'tap';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { pitchpointSamples } from '../../senders/samples/pitchpoint.js';

const [placed, updated] = pitchpointSamples;
if (!placed || !updated) throw new Error('A sample is missing.');

function decode(authorization = ''): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = authorization
    .replace(/^Bearer /, '')
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  return { header: header ?? {}, claims: claims ?? {} };
}

void t.test('the request looks like the provider’s', async (t) => {
  const sender = await startPitchpointSender({ audience: 'acme' });
  t.teardown(() => sender.close());
  t.equal(sender.source, 'pitchpoint');
  t.same(sender.environment, { PITCHPOINT_ISSUER: sender.issuer, PITCHPOINT_AUDIENCE: 'acme' });

  const request = await sender.request(placed);
  t.match(request, { path: '/webhooks/pitchpoint', method: 'POST', topic: 'orders/placed' });
  t.match(request.headers, {
    'Content-Type': 'application/json',
    'X-Pps-Topic': 'orders/placed',
    'X-Pps-Sub-Topic': 'product:adv/adv-120',
    'X-Pps-Tenant-Id': 'OU1243',
    'X-Pps-Webhook-Id': request.id,
    'X-Pps-Triggered-At': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/,
  });
  t.same(JSON.parse(request.body.toString()), placed.data);
  t.match(request.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.not((await sender.request(placed)).id, request.id, 'every request has an id of its own');
});

void t.test('options take the place of what the sample says', async (t) => {
  const sender = await startPitchpointSender();
  t.teardown(() => sender.close());
  const { id, headers, body } = await sender.request(updated, {
    id: 'again',
    data: { other: true },
    subTopic: 'product:cdv/cdv-120',
    tenantId: 'OU9',
    triggeredAt: '2024-01-1T10:00:00.7777748Z',
  });
  t.equal(id, 'again');
  t.match(headers, {
    'X-Pps-Webhook-Id': 'again',
    'X-Pps-Sub-Topic': 'product:cdv/cdv-120',
    'X-Pps-Tenant-Id': 'OU9',
    'X-Pps-Triggered-At': '2024-01-1T10:00:00.7777748Z',
  });
  t.equal(body.toString(), '{"other":true}');
  t.equal((await sender.request(placed, { rawBody: '{"cut' })).body.toString(), '{"cut');

  const bare = await sender.request({ topic: 'orders/placed', data: {} });
  t.notOk('X-Pps-Sub-Topic' in bare.headers || 'X-Pps-Tenant-Id' in bare.headers, 'no empty headers');
  await t.rejects(sender.request(placed, { tamper: 'body' }), TypeError, 'the body is not signed');
});

void t.test('tokens', async (t) => {
  const sender = await startPitchpointSender({ audience: 'acme' });
  t.teardown(() => sender.close());
  const authorization = async (...args: Parameters<typeof sender.request>): Promise<string> =>
    (await sender.request(...args)).headers['Authorization'] ?? '';

  const first = await authorization(placed);
  const { header, claims } = decode(first);
  t.match(header, { alg: 'RS256', typ: 'JWT', kid: /^[0-9a-f]{40}$/ });
  t.match(claims, { iss: sender.issuer, aud: 'acme', sub: String, iat: Number, exp: Number });
  t.equal(Number(claims['exp']) - Number(claims['iat']), 3_600);
  t.ok(Math.abs(Number(claims['iat']) - Date.now() / 1_000) < 60, 'issued about now');

  t.equal(await authorization(updated), first, 'used again for the next event');
  const other = decode(await authorization(placed, { claims: { aud: 'other', exp: undefined } }));
  t.equal(other.claims['aud'], 'other');
  t.notOk('exp' in other.claims, 'a claim can be left out');
  t.equal(await authorization(placed), first, 'a token with other claims is not kept');
  const stranger = decode(await authorization(placed, { tamper: 'token' }));
  t.equal(stranger.header['kid'], header['kid'], "a stranger claims the provider's key");

  await sender.rotate();
  t.not(decode(await authorization(placed)).header['kid'], header['kid'], 'a new key is used at once');
});

void t.test('a token is renewed long before it expires', async (t) => {
  const sender = await startPitchpointSender();
  t.teardown(() => sender.close());
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  const tokenAfter = async (seconds: number): Promise<string | undefined> => {
    t.intercept(Date, 'now', { value: () => start + seconds * 1_000 });
    return (await sender.request(placed)).headers['Authorization'];
  };
  const first = await tokenAfter(0);
  t.equal(await tokenAfter(1_799), first);
  const second = await tokenAfter(1_800);
  t.not(second, first);
  t.equal(decode(second).claims['iat'], start / 1_000 + 1_800);
});

void t.test('key server', async (t) => {
  const sender = await startPitchpointSender({ maxAge: 60 });
  t.teardown(() => sender.close());
  t.same(sender.requests, { discovery: 0, jwks: 0 });

  const discovery = await fetch(`${sender.issuer}/.well-known/openid-configuration`);
  t.equal(discovery.headers.get('cache-control'), 'public, max-age=60, must-revalidate');
  const { issuer, jwks_uri: jwksUri } = (await discovery.json()) as { issuer: string; jwks_uri: string };
  t.equal(issuer, sender.issuer);

  const keySet = await fetch(jwksUri);
  t.match(keySet.headers.get('content-type'), 'application/json');
  t.equal(keySet.headers.get('cache-control'), 'public, max-age=60, must-revalidate');
  const { keys } = (await keySet.json()) as { keys: object[] };
  t.equal(keys.length, 1);
  t.match(keys[0], { kty: 'RSA', alg: 'RS256', use: 'sig', kid: String, n: String, e: 'AQAB' });
  t.notOk('d' in (keys[0] ?? {}), 'the private part stays here');

  t.equal((await fetch(`${sender.issuer}/elsewhere`)).status, 404);
  t.equal((await fetch(jwksUri, { method: 'POST' })).status, 404);
  t.same(sender.requests, { discovery: 1, jwks: 1 });
});

void t.test('close ends the key server, twice if asked', async (t) => {
  const sender = await startPitchpointSender();
  await sender.close();
  await sender.close();
  await t.rejects(fetch(`${sender.issuer}/.well-known/jwks.json`));
});

void t.test('a port that is taken is an error', async (t) => {
  const sender = await startPitchpointSender();
  t.teardown(() => sender.close());
  const port = Number(new URL(sender.issuer).port);
  await t.rejects(startPitchpointSender({ port }), { code: 'EADDRINUSE' });
});
