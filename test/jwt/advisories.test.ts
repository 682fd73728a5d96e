/** What others got wrong: the published advisories of fast-jwt and get-jwks, and signatures with odd padding. */
import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { KeySet } from '../../lib/jwt/key-set.js';
import { TokenVerifier } from '../../lib/jwt/verifier.js';
import { silentLog } from '../../lib/log.js';
import { encode, JWKS, makeKeys, signToken, startIssuer } from './support.js';
import { openssl } from '../support/openssl.js';

const { a, stranger } = makeKeys(t, { a: 2048, stranger: 2048 });
const AUDIENCE = 'acme';
const HEADER = { alg: 'RS256', typ: 'JWT', kid: 'a' };

async function setUp(t: Test) {
  const issuer = await startIssuer(t);
  issuer.publish([a]);
  const keys = new KeySet({ issuer: issuer.url, log: silentLog });
  t.teardown(() => keys.close());
  const verifier = new TokenVerifier({ keys, issuer: issuer.url, audience: AUDIENCE });
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'pitchpoint', iat: now, exp: now + 3_600 };
  const refuses = async (token: string, cause: string, name: string) =>
    t.match(await verifier.verify(token), { ok: false, cause }, name);
  return { issuer, verifier, claims, refuses };
}

function mac(secret: string | Buffer, input: string): Buffer {
  const hex = Buffer.from(secret).toString('hex') || '00';
  return openssl(['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary'], input);
}

void t.test(
  'CVE-2023-48223, CVE-2026-34950: a public key taken for a secret, however it is written',
  async (t) => {
    const { claims, refuses } = await setUp(t);
    const pkcs1 = openssl(['rsa', '-in', a.file, '-RSAPublicKey_out']).toString();
    const der = openssl(['rsa', '-in', a.file, '-pubout', '-outform', 'DER']);
    const spellings = [
      a.publicPem,
      pkcs1,
      der,
      ...[' ', '\n', '\t', '\r\n'].map((blank) => blank + a.publicPem),
    ];
    for (const [number, secret] of spellings.entries()) {
      for (const alg of ['HS256', 'RS256']) {
        const input = `${encode({ ...HEADER, alg })}.${encode(claims)}`;
        const cause = alg === 'RS256' ? 'bad-signature' : 'wrong-algorithm';
        await refuses(`${input}.${encode(mac(secret, input))}`, cause, `${alg}, spelling ${number}`);
      }
    }
  },
);

void t.test('CVE-2025-30144: an issuer among others in a list', async (t) => {
  const { issuer, claims, refuses } = await setUp(t);
  for (const iss of [
    [issuer.url],
    ['https://attacker.example', issuer.url],
    [issuer.url, 'https://attacker.example'],
  ])
    await refuses(signToken(a, HEADER, { ...claims, iss }), 'bad-claim', JSON.stringify(iss.length));
});

void t.test('CVE-2026-35039: a remembered token answers for no other', async (t) => {
  const { verifier, claims } = await setUp(t);
  const tokens = ['one', 'two'].map((jti) => signToken(a, HEADER, { ...claims, jti }));
  for (const token of [...tokens, ...tokens]) {
    const verdict = await verifier.verify(token);
    const own = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
    t.same(verdict, { ok: true, claims: own });
  }
});

void t.test('CVE-2026-35040: the same answer every time', async (t) => {
  const { verifier, claims, refuses } = await setUp(t);
  for (let time = 0; time < 6; time += 1) {
    t.match(
      await verifier.verify(signToken(a, HEADER, { ...claims, jti: time })),
      { ok: true },
      `time ${time}`,
    );
    await refuses(signToken(a, HEADER, { ...claims, aud: 'other' }), 'wrong-audience', `time ${time}`);
  }
});

void t.test('CVE-2026-35041: an audience is compared, not matched', async (t) => {
  const { claims, refuses } = await setUp(t);
  for (const aud of ['a'.repeat(4_000), `${'a'.repeat(2_000)}!`, 'acm.', '.*', '^acme$', 'acme\n'])
    await refuses(signToken(a, HEADER, { ...claims, aud }), 'wrong-audience', aud.slice(0, 9));
});

void t.test('CVE-2026-35042: critical extensions', async (t) => {
  const { claims, refuses } = await setUp(t);
  for (const crit of [['exp'], ['x-policy'], []])
    await refuses(
      signToken(a, { ...HEADER, crit, 'x-policy': 1 }, claims),
      'unsupported-header',
      crit.join(),
    );
});

void t.test('CVE-2026-44351: a key that is not there is not an empty secret', async (t) => {
  const { claims, refuses } = await setUp(t);
  for (const kid of ['nobody', '', '__proto__', 'constructor']) {
    for (const alg of ['HS256', 'RS256']) {
      const input = `${encode({ alg, kid })}.${encode(claims)}`;
      const cause = alg === 'RS256' ? 'unknown-key' : 'wrong-algorithm';
      await refuses(`${input}.${encode(mac('', input))}`, cause, `${alg} ${kid}`);
    }
  }
});

void t.test('CVE-2025-59936 of get-jwks: no key of another issuer comes in by way of a cache', async (t) => {
  const { issuer, verifier, claims, refuses } = await setUp(t);
  const attacker = await startIssuer(t);
  attacker.publish([{ ...stranger, jwk: { ...stranger.jwk, kid: 'a' } }]);
  const kids = ['a', `a:${issuer.url}`, `RS256:a:${issuer.url}`, `${issuer.url}/`, attacker.url + JWKS];
  for (const kid of kids) {
    for (const iss of [attacker.url, `${attacker.url}/?:${issuer.url}`, `${issuer.url}@${attacker.url}`])
      await refuses(
        signToken(stranger, { ...HEADER, kid }, { ...claims, iss }),
        'wrong-issuer',
        `${kid} ${iss}`,
      );
    const cause = kid === 'a' ? 'bad-signature' : 'unknown-key';
    await refuses(signToken(stranger, { ...HEADER, kid }, claims), cause, kid);
  }
  t.equal(attacker.requests.length, 0, 'another issuer is never asked');
  t.match(await verifier.verify(signToken(a, HEADER, claims)), { ok: true });
});

/** EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) of SHA-256, and what is nearly that. */
const SHA256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const WITHOUT_NULL = Buffer.from('302f300b06096086480165030402010420', 'hex');
const LONG_LENGTH = Buffer.from('308131300d060960864801650304020105000420', 'hex');
const SHA1 = Buffer.from('3021300906052b0e03021a05000414', 'hex');

function block(info: Buffer, digest: Buffer, { type = 1, fill = 0xff, end = Buffer.alloc(0) } = {}): Buffer {
  const rest = Buffer.concat([Buffer.of(0), info, digest, end]);
  return Buffer.concat([Buffer.of(0, type), Buffer.alloc(254 - rest.length, fill), rest]);
}

void t.test('signatures whose padding is not to the letter', async (t) => {
  const { verifier, claims, refuses } = await setUp(t);
  const input = `${encode(HEADER)}.${encode(claims)}`;
  const digest = createHash('sha256').update(input).digest();
  const sha1 = createHash('sha1').update(input).digest();
  const short = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(8, 0xff), Buffer.of(0), SHA256, digest]);
  const sign = (padded: Buffer) =>
    `${input}.${encode(openssl(['pkeyutl', '-decrypt', '-inkey', a.file, '-pkeyopt', 'rsa_padding_mode:none'], padded))}`;
  t.match(await verifier.verify(sign(block(SHA256, digest))), { ok: true }, 'control: the right one');
  const wrong: Record<string, Buffer> = {
    'block type 2': block(SHA256, digest, { type: 2 }),
    'block type 0': block(SHA256, digest, { type: 0 }),
    'filled with zeros': block(SHA256, digest, { fill: 0 }),
    'filled with fe': block(SHA256, digest, { fill: 0xfe }),
    'something behind the digest': block(SHA256, digest, { end: Buffer.alloc(20, 7) }),
    'a short fill, and the rest behind the digest': Buffer.concat([short, Buffer.alloc(256 - short.length)]),
    'a long form of length': block(LONG_LENGTH, digest),
    'no parameters in the digest info': block(WITHOUT_NULL, digest),
    'no digest info': block(Buffer.alloc(0), digest),
    'a digest cut short': block(SHA256, digest.subarray(0, 31)),
    'another digest': block(SHA256, Buffer.alloc(32)),
    'SHA-1': block(SHA1, sha1),
    'SHA-1 called SHA-256': block(SHA256, sha1),
    zero: Buffer.alloc(256),
    one: Buffer.concat([Buffer.alloc(255), Buffer.of(1)]),
  };
  for (const [name, padded] of Object.entries(wrong)) {
    t.equal(padded.length, 256);
    await refuses(sign(padded), 'bad-signature', name);
  }
});
