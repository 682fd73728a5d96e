/** Properties of what reads tokens and key sets that strangers write, for inputs that nobody thought of. */
import * as fc from 'fast-check';
import t from 'tap';
import { readBearer } from '../../lib/jwt/bearer.js';
import { hasDuplicateMembers } from '../../lib/jwt/json.js';
import { readKeySet } from '../../lib/jwt/public-keys.js';
import { parseToken, shown } from '../../lib/jwt/token.js';
import { body, text, value, nearly } from './hostile.js';
import { draws, seed } from './seed.js';

t.comment(`FUZZ_SEED=${seed}`);
const RUNS = 2_000;

void t.test('Authorization', async (t) => {
  const almost = fc
    .tuple(nearly('BearerbEARER \t,', 9), nearly('abc.-_~+/= ,\0', 30))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(almost, text, fc.string()), (given) => {
      const read = readBearer(given);
      // What is taken for the token is all that follows the scheme.
      if (read.ok)
        return (
          given.toLowerCase().startsWith('bearer ') && given.endsWith(read.token) && !/[\s,]/.test(read.token)
        );
      return given === '' || !read.detail.includes(given) || given.length < 10;
    }),
    draws(RUNS),
  );
  t.pass('one token or a refusal');
});

void t.test('tokens', async (t) => {
  const encode = (part: string | Buffer) => Buffer.from(part).toString('base64url');
  const member = fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku', 'x5u', '__proto__');
  const header = fc.oneof(
    fc.dictionary(member, fc.oneof(fc.constantFrom('RS256', 'none', 'HS256', 'a'), value), { maxKeys: 4 }),
    value,
  );
  const token = fc.oneof(
    fc
      .tuple(header, value, fc.uint8Array({ maxLength: 300 }))
      .map(([head, claims, signature]) =>
        [
          encode(JSON.stringify(head) ?? ''),
          encode(JSON.stringify(claims) ?? ''),
          encode(Buffer.from(signature)),
        ].join('.'),
      ),
    fc.array(fc.base64String({ maxLength: 30 }), { maxLength: 5 }).map((parts) => parts.join('.')),
    fc.array(body.map(encode), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('.')),
    text,
  );
  fc.assert(
    fc.property(token, (given) => {
      const parsed = parseToken(given);
      if (!parsed.ok) return parsed.detail.length < 300 && /^[\x20-\x7e]*$/.test(parsed.detail);
      const head = JSON.parse(Buffer.from(given.split('.')[0] ?? '', 'base64url').toString()) as Record<
        string,
        unknown
      >;
      return (
        head['alg'] === 'RS256' &&
        head['kid'] === parsed.kid &&
        !('crit' in head) &&
        given.split('.').length === 3
      );
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(value, (given) => shown(given).length <= 120),
    draws(RUNS / 4),
  );
  t.pass('RS256 with a kid, or a reason that is fit for a log');
});

void t.test('members named twice', async (t) => {
  const members = fc.array(fc.tuple(text, value), { maxLength: 5 });
  fc.assert(
    fc.property(members, (pairs) => {
      const json = `{${pairs.map(([name, of]) => `${JSON.stringify(name)}:${JSON.stringify(of) ?? 'null'}`).join(',')}}`;
      return hasDuplicateMembers(json) === new Set(pairs.map(([name]) => name)).size < pairs.length;
    }),
    draws(RUNS),
  );
  t.pass('found if and only if there are any');
});

void t.test('key sets', async (t) => {
  const key = fc.dictionary(
    fc.constantFrom('kty', 'kid', 'n', 'e', 'use', 'alg', 'key_ops', 'd', '__proto__'),
    fc.oneof(fc.constantFrom('RSA', 'RS256', 'sig', 'AQAB', 'AQ'), value),
  );
  const set = fc.oneof(
    fc.array(key, { maxLength: 4 }).map((keys) => JSON.stringify({ keys })),
    text,
    fc.json(),
  );
  fc.assert(
    fc.property(set, (given) => {
      try {
        return readKeySet(given, 100).size > 0;
      } catch (error) {
        return /key/i.test((error as Error).message);
      }
    }),
    draws(RUNS / 2),
  );
  t.pass('keys, or one reason why not');
});
