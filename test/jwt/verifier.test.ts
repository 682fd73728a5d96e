import t, { type Test } from 'tap';
import { KeySet } from '../../lib/jwt/key-set.js';
import { TokenVerifier } from '../../lib/jwt/verifier.js';
import { silentLog } from '../../lib/log.js';
import { encode, hang, JWKS, makeClock, makeKeys, signToken, startIssuer, status } from './support.js';
import { openssl } from '../support/openssl.js';

const { a, b, stranger } = makeKeys(t, { a: 2048, b: 2048, stranger: 2048 });
const AUDIENCE = 'https://hooks.example/acme';
const UNAVAILABLE = { code: 'HKL_ERR_KEYS_UNAVAILABLE', statusCode: 503 };
const HEADER = { alg: 'RS256', typ: 'JWT', kid: 'a' };

async function setUp(t: Test) {
  const issuer = await startIssuer(t);
  const clock = makeClock();
  const keys = new KeySet({ issuer: issuer.url, log: silentLog, now: clock.now });
  t.teardown(() => keys.close());
  const verifier = new TokenVerifier({ keys, issuer: issuer.url, audience: AUDIENCE, now: clock.now });
  issuer.publish([a, b]);
  const now = clock.seconds();
  const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'pitchpoint', iat: now, exp: now + 3_600 };
  const genuine = signToken(a, HEADER, claims);
  /** Every refusal has a detail for the operator, and the detail never holds the token. */
  const refuses = async (token: string, cause: string, name: string = cause) => {
    const verdict = await verifier.verify(token);
    t.match(verdict, { ok: false, cause, detail: /^[\x20-\x7e]{10,400}$/ }, name);
    const signature = token.split('.')[2];
    if (signature && !verdict.ok) t.notOk(verdict.detail.includes(signature), 'the token is not shown');
  };
  return { issuer, clock, keys, verifier, now, claims, genuine, refuses };
}

void t.test('a genuine token', async (t) => {
  const { verifier, claims, genuine } = await setUp(t);
  t.same(await verifier.verify(genuine), { ok: true, claims });
});

void t.test('everything a genuine token may vary in', async (t) => {
  const { verifier, claims, now } = await setUp(t);
  const headers = [
    { alg: 'RS256', kid: 'a' },
    { ...HEADER, typ: 'jwt' },
    { ...HEADER, typ: 'at+jwt' },
    { ...HEADER, typ: 'application/at+jwt' },
    { ...HEADER, x5t: 'thumbprint', cty: 'json', unknown: { deep: [1] } },
    // None of these is looked at: the signature is that of the published key.
    { ...HEADER, jwk: stranger.jwk, jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/', x5c: ['AAAA'] },
  ];
  for (const header of headers) {
    t.match(
      await verifier.verify(signToken(a, header, claims)),
      { ok: true },
      JSON.stringify(header).slice(0, 80),
    );
  }
  const variations = [
    { aud: [AUDIENCE] },
    { aud: ['other', AUDIENCE] },
    { nbf: now },
    { nbf: now + 60, iat: now + 60 },
    { exp: now - 59 },
    { exp: now + 0.5, iat: now - 0.5 },
    { exp: 1e12 },
    { sub: '日本', extra: { any: ['thing', null] } },
  ];
  for (const variation of variations) {
    const token = signToken(a, HEADER, { ...claims, ...variation });
    t.match(await verifier.verify(token), { ok: true }, JSON.stringify(variation));
  }
  t.match(await verifier.verify(signToken(b, { ...HEADER, kid: 'b' }, claims)), { ok: true }, 'another key');
});

void t.test('RFC 8725 §2.1, §3.1: algorithms', async (t) => {
  const { issuer, claims, refuses } = await setUp(t);
  const unsigned = (alg: unknown, signature = '') =>
    `${encode({ ...HEADER, alg })}.${encode(claims)}.${signature}`;
  for (const alg of ['none', 'None', 'NONE', 'nOnE']) {
    await refuses(unsigned(alg, encode('x')), 'wrong-algorithm', alg);
    await refuses(unsigned(alg), 'malformed-token', `${alg} without a signature`);
  }
  await refuses(unsigned('RS256'), 'malformed-token', 'RS256 without a signature');

  for (const secret of [a.publicPem, a.publicPem.trim(), JSON.stringify(a.jwk), a.jwk.n, '']) {
    const input = `${encode({ ...HEADER, alg: 'HS256' })}.${encode(claims)}`;
    const hex = Buffer.from(secret).toString('hex') || '00';
    const mac = openssl(['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary'], input);
    await refuses(`${input}.${encode(mac)}`, 'wrong-algorithm', 'HS256 with what is public as the secret');
    const relabelled = `${encode(HEADER)}.${encode(claims)}`;
    const mac2 = openssl(
      ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary'],
      relabelled,
    );
    await refuses(`${relabelled}.${encode(mac2)}`, 'bad-signature', 'the same, called RS256');
  }

  const pss = ['-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'];
  await refuses(signToken(a, { ...HEADER, alg: 'RS384' }, claims, ['-sha384']), 'wrong-algorithm', 'RS384');
  await refuses(signToken(a, { ...HEADER, alg: 'RS512' }, claims, ['-sha512']), 'wrong-algorithm', 'RS512');
  await refuses(signToken(a, { ...HEADER, alg: 'PS256' }, claims, pss), 'wrong-algorithm', 'PS256');
  await refuses(signToken(a, HEADER, claims, ['-sha384']), 'bad-signature', 'SHA-384 called RS256');
  await refuses(signToken(a, HEADER, claims, ['-sha1']), 'bad-signature', 'SHA-1 called RS256');
  await refuses(signToken(a, HEADER, claims, pss), 'bad-signature', 'PSS called RS256');
  for (const alg of [
    'rs256',
    'RS256 ',
    ['RS256'],
    { RS256: 1 },
    256,
    null,
    undefined,
    '',
    'ES256',
    'EdDSA',
  ]) {
    await refuses(signToken(a, { ...HEADER, alg }, claims), 'wrong-algorithm', JSON.stringify(alg));
  }
  const proto = `{"typ":"JWT","kid":"a","__proto__":{"alg":"RS256"}}`;
  await refuses(signToken(a, proto, claims), 'wrong-algorithm', 'an inherited alg');
  t.ok(issuer.count() <= 1, 'the key server was asked at most once');
});

void t.test('signatures', async (t) => {
  const { claims, genuine, refuses } = await setUp(t);
  const [header = '', payload = '', signature = ''] = genuine.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const flipped = Buffer.from(bytes);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  await refuses(signToken(stranger, HEADER, claims), 'bad-signature', 'of a stranger');
  await refuses(signToken(b, HEADER, claims), 'bad-signature', 'of another key of the issuer');
  await refuses(`${header}.${payload}.${encode(flipped)}`, 'bad-signature', 'one bit');
  for (const wrong of [
    bytes.subarray(1),
    Buffer.concat([bytes, Buffer.of(0)]),
    Buffer.alloc(256),
    Buffer.alloc(1),
  ]) {
    await refuses(`${header}.${payload}.${encode(wrong)}`, 'bad-signature', `${wrong.length} bytes`);
  }
  const changed = encode({ ...claims, sub: 'someone else' });
  await refuses(`${header}.${changed}.${signature}`, 'bad-signature', 'other claims');
  const spaced = encode(JSON.stringify(claims, null, 1));
  await refuses(`${header}.${spaced}.${signature}`, 'bad-signature', 'the same claims in other bytes');
  await refuses(
    `${encode({ ...HEADER, kid: 'b' })}.${payload}.${signature}`,
    'bad-signature',
    'another header',
  );
});

void t.test('keys that a token brings along', async (t) => {
  const { issuer, claims, refuses } = await setUp(t);
  const evil = await startIssuer(t);
  evil.publish([{ ...stranger, jwk: { ...stranger.jwk, kid: 'a' } }]);
  const jku = evil.url + JWKS;
  const cert = openssl([
    'req',
    '-x509',
    '-key',
    stranger.file,
    '-subj',
    '/CN=evil',
    '-days',
    '1',
    '-outform',
    'DER',
  ]);
  const embedded = [
    { jwk: { ...stranger.jwk, kid: 'a' } },
    { jku },
    { x5u: jku },
    { x5c: [cert.toString('base64')] },
  ];
  for (const members of embedded) {
    await refuses(
      signToken(stranger, { ...HEADER, ...members }, claims),
      'bad-signature',
      Object.keys(members)[0],
    );
  }
  await refuses(
    signToken(stranger, { ...HEADER, kid: jku, jku }, claims),
    'unknown-key',
    'an address as kid',
  );
  await refuses(
    signToken(stranger, HEADER, { ...claims, iss: evil.url }),
    'wrong-issuer',
    'an issuer of its own',
  );
  t.equal(evil.requests.length, 0, 'the address in a token is never asked');
  t.ok(issuer.count() <= 2);
});

void t.test('key ids', async (t) => {
  const { issuer, verifier, claims, refuses } = await setUp(t);
  for (const kid of [
    'x',
    'A',
    'a ',
    '__proto__',
    'constructor',
    '../../../../dev/null',
    "a' OR '1'='1",
    'x'.repeat(300),
  ]) {
    await refuses(signToken(stranger, { ...HEADER, kid }, claims), 'unknown-key', kid);
  }
  for (const kid of [undefined, '', null, 7, ['a'], { a: 1 }, true]) {
    await refuses(signToken(a, { ...HEADER, kid }, claims), 'unknown-key', JSON.stringify(kid));
  }
  t.equal(issuer.count(), 1 + 6, 'a key id that is no string, or absurdly long, is not looked up');
  t.match(await verifier.verify(signToken(a, HEADER, claims)), { ok: true });
});

void t.test('only a token that could be genuine has a key looked up', async (t) => {
  const { issuer, verifier, claims, refuses } = await setUp(t);
  await verifier.verify(signToken(a, HEADER, claims));
  const before = issuer.requests.length;
  const input = (header: object, other: object) =>
    `${encode(header)}.${encode({ ...claims, ...other })}.AAAA`;
  await refuses(input({ ...HEADER, kid: 'x1' }, { iss: 'https://evil.example' }), 'wrong-issuer');
  await refuses(input({ ...HEADER, kid: 'x2' }, { aud: 'other' }), 'wrong-audience');
  await refuses(input({ ...HEADER, kid: 'x3' }, { exp: 1 }), 'expired');
  await refuses(input({ ...HEADER, kid: 'x4', alg: 'none' }, {}), 'wrong-algorithm');
  t.equal(issuer.requests.length, before);
});

void t.test('claims that are missing', async (t) => {
  const { claims, refuses } = await setUp(t);
  for (const name of ['iss', 'aud', 'exp', 'iat', 'sub'] as const) {
    const { [name]: _, ...others } = claims;
    await refuses(signToken(a, HEADER, others), 'missing-claim', name);
  }
  await refuses(signToken(a, HEADER, {}), 'missing-claim', 'all');
  await refuses(signToken(a, HEADER, { __proto__: claims }), 'missing-claim', 'inherited ones');
});

void t.test('claims of a wrong kind', async (t) => {
  const { issuer, claims, now, refuses } = await setUp(t);
  const wrong: Array<[cause: string, variation: object]> = [
    ['wrong-issuer', { iss: `${issuer.url}/` }],
    ['wrong-issuer', { iss: issuer.url.toUpperCase() }],
    ['wrong-issuer', { iss: '' }],
    ['wrong-issuer', { iss: `${issuer.url}\n\u202e${'x'.repeat(5_000)}` }],
    ['bad-claim', { iss: [issuer.url] }],
    ['bad-claim', { iss: { toString: issuer.url } }],
    ['bad-claim', { iss: null }],
    ['wrong-audience', { aud: 'other' }],
    ['wrong-audience', { aud: `${AUDIENCE}/` }],
    ['wrong-audience', { aud: '' }],
    ['wrong-audience', { aud: ['other', ''] }],
    ['bad-claim', { aud: [] }],
    ['bad-claim', { aud: [AUDIENCE, 1] }],
    ['bad-claim', { aud: [[AUDIENCE]] }],
    ['bad-claim', { aud: { 0: AUDIENCE } }],
    ['bad-claim', { aud: null }],
    ['bad-claim', { sub: '' }],
    ['bad-claim', { sub: 7 }],
    ['bad-claim', { sub: null }],
    ['bad-claim', { sub: ['pitchpoint'] }],
    ['bad-claim', { exp: String(now + 3_600) }],
    ['bad-claim', { exp: null }],
    ['bad-claim', { exp: [now + 3_600] }],
    ['bad-claim', { exp: true }],
    ['bad-claim', { iat: String(now) }],
    ['bad-claim', { iat: null }],
    ['bad-claim', { nbf: null }],
    ['bad-claim', { nbf: 'soon' }],
    ['expired', { exp: now - 60 }],
    ['expired', { exp: 0 }],
    ['expired', { exp: -1 }],
    ['not-yet-valid', { nbf: now + 61 }],
    ['not-yet-valid', { iat: now + 61 }],
  ];
  for (const [cause, variation] of wrong) {
    const name = `${cause} ${JSON.stringify(variation).slice(0, 60)}`;
    await refuses(signToken(a, HEADER, { ...claims, ...variation }), cause, name);
  }
  const infinite = JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999');
  await refuses(signToken(a, HEADER, infinite), 'bad-claim', 'exp without end');
});

void t.test('the operator learns what is the matter', async (t) => {
  const { verifier, claims, now } = await setUp(t);
  const detail = async (variation: object) => {
    const verdict = await verifier.verify(signToken(a, HEADER, { ...claims, ...variation }));
    return verdict.ok ? '' : verdict.detail;
  };
  t.match(await detail({ aud: 'project-b' }), `aud is "project-b", expected "${AUDIENCE}"`);
  t.match(await detail({ exp: now - 7_200 }), 'expired 7200 s ago');
  t.match(await detail({ iat: now + 600 }), 'iat is 600 s from now: this clock is behind');
  t.match(await detail({ nbf: now + 600 }), 'nbf is 600 s from now: this clock is behind');
  t.match(await detail({ sub: undefined, exp: undefined }), 'lacks exp, sub');
});

void t.test('extensions and other kinds of token', async (t) => {
  const { claims, refuses } = await setUp(t);
  for (const members of [
    { crit: ['exp'] },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { crit: ['x-unknown'], 'x-unknown': 1 },
    { crit: [] },
    { crit: null },
    { crit: 'alg' },
    { b64: false },
    { b64: true },
    { typ: 'logout+jwt' },
    { typ: 'dpop+jwt' },
    { typ: 'JWE' },
    { typ: '' },
    { typ: null },
    { typ: ['JWT'] },
  ]) {
    await refuses(
      signToken(a, { ...HEADER, ...members }, claims),
      'unsupported-header',
      JSON.stringify(members),
    );
  }
});

void t.test('the shape of a token', async (t) => {
  const { issuer, verifier, claims, genuine, refuses } = await setUp(t);
  const [header = '', payload = '', signature = ''] = genuine.split('.');
  const malformed: Record<string, string> = {
    empty: '',
    dots: '..',
    'one segment': header,
    'two segments': `${header}.${payload}`,
    'four segments': `${genuine}.${signature}`,
    'a duplicated segment': `${header}.${payload}.${payload}.${signature}`,
    'five segments, as JWE has': `${genuine}.${header}.${payload}`,
    'a trailing dot': `${genuine}.`,
    'a leading dot': `.${genuine}`,
    'an empty payload': `${header}..${signature}`,
    'trailing data': `${genuine}!`,
    'a trailing blank': `${genuine} `,
    'a leading blank': ` ${genuine}`,
    'a line end': `${genuine}\n`,
    'a blank inside': `${header}. ${payload}.${signature}`,
    'a zero byte': `${genuine}\0`,
    'padding of the signature': `${genuine}==`,
    'padding of the header': `${header}=.${payload}.${signature}`,
    'base64 instead of base64url': `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`,
    'the JSON serialisation': JSON.stringify({ protected: header, payload, signature }),
    'too long': signToken(a, HEADER, { ...claims, padding: 'x'.repeat(8_000) }),
  };
  for (const [name, token] of Object.entries(malformed)) await refuses(token, 'malformed-token', name);

  // The last character of 256 bytes in base64url has four bits to spare.
  const last = signature.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const twin = alphabet[alphabet.indexOf(last) + 1] ?? '';
  const spelling = `${genuine.slice(0, -1)}${twin}`;
  t.same(Buffer.from(spelling.split('.')[2] ?? '', 'base64url'), Buffer.from(signature, 'base64url'));
  await refuses(spelling, 'malformed-token', 'another spelling of the same signature');
  t.equal(issuer.requests.length, 0);
  t.match(await verifier.verify(genuine), { ok: true });
});

void t.test('what is inside the segments', async (t) => {
  const { issuer, claims, refuses } = await setUp(t);
  const json = JSON.stringify(claims);
  for (const header of [
    'null',
    '[]',
    '"RS256"',
    '[{"alg":"RS256","kid":"a"}]',
    '{"alg":"RS256","kid":"a"',
    '{"alg":"RS256","kid":"a"} x',
    '\ufeff{"alg":"RS256","kid":"a"}',
    '{"alg":"none","alg":"RS256","kid":"a"}',
    '{"alg":"RS256","kid":"b","kid":"a"}',
    String.raw`{"alg":"RS256","kid":"b","\u006bid":"a"}`,
    Buffer.from('{"alg":"RS256","kid":"a","x":"\xff"}', 'latin1'),
  ]) {
    await refuses(signToken(a, header, claims), 'malformed-token', `header ${String(header)}`);
  }
  for (const payload of [
    'null',
    '[]',
    '7',
    'text',
    `[${json}]`,
    `${json}${json}`,
    `\ufeff${json}`,
    json.replace('{', '{"iss":"https://evil.example",'),
    json.replace('{', String.raw`{"\u0069ss":"https://evil.example",`),
    Buffer.from(json.replace('{', '{"x":"\xc3\x28",'), 'latin1'),
  ]) {
    await refuses(signToken(a, HEADER, payload), 'malformed-token', `claims ${String(payload)}`);
  }
  t.equal(issuer.requests.length, 0);
});

void t.test('a verified token is remembered until it expires', async (t) => {
  const { issuer, keys, clock, verifier, genuine, refuses } = await setUp(t);
  issuer.publish([a], { 'cache-control': 'max-age=86400' });
  const first = await verifier.verify(genuine);
  t.equal(await verifier.verify(genuine), first, 'the very same answer');
  t.throws(
    () => Object.assign(first.ok ? first.claims : {}, { sub: 'changed' }),
    TypeError,
    'which nobody can change',
  );
  clock.advance(3_659_000);
  t.equal(await verifier.verify(genuine), first, 'to the end of the tolerance');
  clock.advance(1_000);
  await refuses(genuine, 'expired');
  t.ok(keys.peek('a'), 'its key is still there');
});

void t.test('a remembered token goes with its key', async (t) => {
  const { issuer, keys, verifier, claims, genuine, refuses } = await setUp(t);
  const token = signToken(b, { ...HEADER, kid: 'b' }, claims);
  t.match(await verifier.verify(genuine), { ok: true });
  t.match(await verifier.verify(token), { ok: true });
  issuer.publish([b]);
  await keys.warmUp();
  await refuses(genuine, 'unknown-key');
  t.match(await verifier.verify(token), { ok: true }, 'those of other keys stay');
  issuer.publish([{ ...stranger, jwk: { ...stranger.jwk, kid: 'b' } }]);
  await keys.warmUp();
  await refuses(token, 'bad-signature', 'its key was replaced under its kid');
});

void t.test('nothing but the whole token is remembered', async (t) => {
  const { verifier, claims, genuine, refuses } = await setUp(t);
  t.match(await verifier.verify(genuine), { ok: true });
  const [header, payload, signature = ''] = genuine.split('.');
  await refuses(`${header}.${payload}.${encode(Buffer.alloc(256))}`, 'bad-signature');
  await refuses(`${header}.${encode({ ...claims, sub: 'x' })}.${signature}`, 'bad-signature');
  t.match(await verifier.verify(genuine), { ok: true });
});

void t.test('twenty rotations, and no delivery is refused', async (t) => {
  const { issuer, clock, verifier, claims } = await setUp(t);
  const ring = [a, b, stranger];
  for (let round = 0; round < 20; round += 1) {
    const files = ring[round % 3] ?? a;
    const kid = `round-${round}`;
    issuer.publish([{ ...files, jwk: { ...files.jwk, kid } }]);
    const verdicts = await Promise.all(
      ['one', 'two', 'three'].map(async (sub) =>
        verifier.verify(signToken(files, { ...HEADER, kid }, { ...claims, sub })),
      ),
    );
    t.ok(
      verdicts.every(({ ok }) => ok),
      kid,
    );
    clock.advance(10_000);
  }
});

void t.test(
  'a key replaced under its kid is noticed by the first signature that does not match',
  async (t) => {
    const { issuer, clock, verifier, claims, genuine, refuses } = await setUp(t);
    t.match(await verifier.verify(genuine), { ok: true });
    issuer.publish([{ ...b, jwk: { ...b.jwk, kid: 'a' } }]);
    clock.advance(30_000);
    await refuses(signToken(stranger, HEADER, claims), 'bad-signature', 'a forgery brings the new key');
    t.match(await verifier.verify(signToken(b, HEADER, claims)), { ok: true });
    await refuses(genuine, 'bad-signature', 'the old key is gone');
    clock.advance(30_000);
    issuer.publish([a]);
    t.match(await verifier.verify(genuine), { ok: true }, 'and so does a genuine token');
    t.equal(issuer.count(), 3);
  },
);

void t.test('a thousand forgeries do not make the key server work', async (t) => {
  const { issuer, verifier, claims, genuine } = await setUp(t);
  t.match(await verifier.verify(genuine), { ok: true });
  const signature = encode(Buffer.alloc(256, 1));
  for (let i = 0; i < 1_000; i += 1) {
    const verdict = await verifier.verify(
      `${encode(HEADER)}.${encode({ ...claims, sub: `${i}` })}.${signature}`,
    );
    if (verdict.ok || verdict.cause !== 'bad-signature') t.fail(`forgery ${i}`);
  }
  t.equal(issuer.count(), 1);
});

void t.test('our own trouble is not the sender’s fault', async (t) => {
  const { issuer, clock, verifier, claims, genuine, refuses } = await setUp(t);
  issuer.answers[JWKS] = status(500);
  await t.rejects(async () => verifier.verify(genuine), UNAVAILABLE);
  await refuses(
    signToken(a, HEADER, { ...claims, aud: 'other' }),
    'wrong-audience',
    'a refusal needs no key',
  );
  issuer.publish([a]);
  clock.advance(60_000);
  t.match(await verifier.verify(genuine), { ok: true });
  issuer.answers[JWKS] = status(500);
  clock.advance(3_000_000);
  t.match(await verifier.verify(genuine), { ok: true }, 'the key server may be gone for an hour');
  await refuses(signToken(stranger, HEADER, claims), 'bad-signature', 'and forgeries are still refused');
  issuer.answers[JWKS] = hang;
  t.match(await verifier.verify(signToken(a, HEADER, { ...claims, sub: 'new' })), { ok: true });
});
