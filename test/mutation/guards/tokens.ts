/** Tokens, their keys, and what is fetched. */
import { guard, type Guard } from '../guard.js';

const TOKEN = 'lib/jwt/token.ts';
const CLAIMS = 'lib/jwt/claims.ts';
const KEYS = 'lib/jwt/key-set.ts';
const VERIFIER = 'test/jwt/verifier.test.ts';
const KEY_SET = 'test/jwt/key-set.test.ts';
const KEY_SERVER = 'test/jwt/key-server.test.ts';
const TABLE = 'test/sources-http/table.test.ts';
const RATES = 'test/hostile/rate-limit.test.ts';

const jwt: Guard[] = [
  guard('algorithm pin', TOKEN, "if (alg !== 'RS256')", 'if (alg === undefined)', VERIFIER),
  {
    name: 'algorithm pin, the second lock too',
    changes: [
      { file: TOKEN, from: "if (alg !== 'RS256')", to: 'if (alg === undefined)' },
      { file: 'lib/jwt/verifier.ts', from: "algorithms: ['RS256'],", to: '' },
    ],
    tests: [TABLE],
  },
  guard('audience', CLAIMS, 'if (!audiences.includes(audience))', 'if (audiences.length > 9)', VERIFIER),
  {
    name: 'audience, the second lock too',
    changes: [
      { file: CLAIMS, from: 'if (!audiences.includes(audience))', to: 'if (audiences.length > 9)' },
      { file: 'lib/jwt/verifier.ts', from: 'allowedAud: audience,', to: '' },
    ],
    tests: [TABLE],
  },
  {
    name: 'issuer, in both locks',
    changes: [
      { file: CLAIMS, from: 'if (iss !== issuer)', to: 'if (iss === undefined)' },
      { file: 'lib/jwt/verifier.ts', from: 'allowedIss: issuer,', to: '' },
    ],
    tests: [TABLE],
  },
  guard(
    'expiry',
    CLAIMS,
    'return now >= exp + toleranceSeconds;',
    'return now < 0 * exp * toleranceSeconds;',
    VERIFIER,
  ),
  guard('not before', CLAIMS, 'nbf > now + tolerance', 'nbf < 0', VERIFIER),
  guard('issued in the future', CLAIMS, 'iat > now + tolerance', 'iat < 0', VERIFIER),
  guard('required claims', CLAIMS, 'if (missing.length > 0)', 'if (missing.length > 4)', VERIFIER),
  guard(
    'critical extensions',
    TOKEN,
    'crit !== undefined || b64 !== undefined',
    'b64 === crit && b64 !== b64',
    VERIFIER,
  ),
  guard('kinds of token', TOKEN, 'TYPES.has(typ.toLowerCase())', 'TYPES.size > 0', VERIFIER),
  guard('one spelling of base64url', TOKEN, "toString('base64url') === segment", 'length > 0', VERIFIER),
  guard(
    'members named once',
    TOKEN,
    'object && !hasDuplicateMembers(text) ? object : undefined',
    'object && hasDuplicateMembers ? object : undefined',
    VERIFIER,
  ),
  guard(
    'length of a token',
    TOKEN,
    'token.length > MAX_TOKEN_LENGTH',
    'token.length > 9 * MAX_TOKEN_LENGTH',
    VERIFIER,
  ),
  guard('kid memory', KEYS, 'this.#now() < (this.#absentUntil.get(kid) ?? 0)', 'this.#now() < 0', KEY_SET),
  guard('fetches for unknown kids', KEYS, '!(mayAsk && this.#unknownKids.take(now))', '!mayAsk', KEY_SET),
  guard(
    'nothing fetched for suspects',
    KEYS,
    '!(mayAsk && this.#unknownKids.take(now))',
    '!this.#unknownKids.take(now)',
    RATES,
  ),
  guard('an end to keys past their lifetime', KEYS, 'now >= held.unusableAt', 'now < 0', KEY_SET),
  guard(
    'keys for encryption',
    'lib/jwt/public-keys.ts',
    "use !== 'sig'",
    "use === ''",
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'weak keys',
    'lib/jwt/public-keys.ts',
    'modulusLength < MIN_MODULUS_BITS',
    'modulusLength < 8',
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'an exponent of one',
    'lib/jwt/public-keys.ts',
    'publicExponent < 3n',
    'publicExponent < 1n',
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'discovery of another issuer',
    'lib/jwt/key-server.ts',
    "if (document['issuer'] !== issuer)",
    "if (document['issuer'] === '')",
    KEY_SERVER,
  ),
  guard(
    'keys over http for an https issuer',
    'lib/jwt/key-server.ts',
    '/^https?:/i : /^https:/i',
    '/^https?:/i : /^https?:/i',
    KEY_SERVER,
  ),
  guard(
    'tenants',
    'sources/pitchpoint.ts',
    '!tenants.includes(tenant)',
    'tenants.length === 0',
    'test/sources/pitchpoint.test.ts',
  ),
];

const fetching: Guard[] = [
  guard('no redirects', 'lib/fetch.ts', "redirect: 'manual'", "redirect: 'follow'", 'test/jwt/fetch.test.ts'),
  guard('size of what is fetched', 'lib/fetch.ts', 'size > maxBytes', 'size < 0', 'test/jwt/fetch.test.ts'),
  guard(
    'a deadline for what is fetched',
    'lib/fetch.ts',
    'of [deadline, limits.signal]',
    'of [limits.signal]',
    'test/jwt/fetch.test.ts',
  ),
];

export const tokens: Guard[] = [...jwt, ...fetching];
