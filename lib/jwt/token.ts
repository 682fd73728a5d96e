import { isUtf8 } from 'node:buffer';
import { hasDuplicateMembers, parseObject, type JsonObject } from './json.js';

/** Why a token is refused: stable names, for metrics and logs. */
export type TokenFault =
  | 'missing-token'
  | 'malformed-token'
  | 'wrong-algorithm'
  | 'unsupported-header'
  | 'unknown-key'
  | 'bad-signature'
  | 'missing-claim'
  | 'bad-claim'
  | 'wrong-issuer'
  | 'wrong-audience'
  | 'expired'
  | 'not-yet-valid'
  | 'clock-skew';

export interface RefusedToken {
  ok: false;
  cause: TokenFault;
  /** The likely reason, for the operator. Never the token; values from it are cut and free of control characters. */
  detail: string;
}

/** A token taken apart: well-formed, and nothing else is known of it. */
export interface ParsedToken {
  ok: true;
  kid: string;
  claims: JsonObject;
}

/** Characters. Real ones have one to two thousand. */
const MAX_TOKEN_LENGTH = 8_192;

/** What a token may call itself (RFC 7519 §5.1, RFC 9068 §2.1); other kinds are not meant as credentials. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/**
 * Takes a compact JWS apart (RFC 7515 §7.1, RFC 7519 §7.2) as strictly as the text of the RFCs allows: three
 * canonical base64url segments, no duplicate members, RS256 (RFC 8725 §3.1), no extensions. Keys and addresses of
 * keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are passed over: a token does not choose who vouches for it.
 */
export function parseToken(token: string): ParsedToken | RefusedToken {
  if (token.length > MAX_TOKEN_LENGTH)
    return refused('malformed-token', `the token has ${token.length} characters`);
  const segments = token.split('.');
  if (segments.length !== 3) return refused('malformed-token', 'the token has not three segments');
  if (!segments.every(isCanonicalBase64url))
    return refused('malformed-token', 'the token is not plain base64url');
  const [header, claims] = segments.slice(0, 2).map(decodeObject);
  if (!header) return refused('malformed-token', 'the header is not a JSON object with members named once');
  if (!claims) return refused('malformed-token', 'the claims are not a JSON object with members named once');
  return checkHeader(header) ?? { ok: true, kid: String(header['kid']), claims };
}

function checkHeader({ alg, typ, crit, b64, kid }: JsonObject): RefusedToken | undefined {
  if (alg !== 'RS256')
    return refused('wrong-algorithm', `the algorithm is ${shown(alg)}, only RS256 is taken`);
  if (crit !== undefined || b64 !== undefined) {
    return refused('unsupported-header', 'the header asks for extensions (crit or b64), none is known here');
  }
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase()))) {
    return refused('unsupported-header', `the token's type is ${shown(typ)}, not JWT`);
  }
  if (typeof kid !== 'string' || kid === '') return refused('unknown-key', 'the token names no key (kid)');
  return undefined;
}

/** Decoders are lenient: unused bits, padding or stray characters would give one token many spellings. */
function isCanonicalBase64url(segment: string): boolean {
  return segment !== '' && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function decodeObject(segment: string): JsonObject | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  const object = parseObject(text);
  return object && !hasDuplicateMembers(text) ? object : undefined;
}

export function refused(cause: TokenFault, detail: string): RefusedToken {
  return { ok: false, cause, detail };
}

/** A value of the token for a log line: JSON, ASCII without control characters, at most 120 of them. */
export function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'missing').replace(/[^\x20-\x7e]/g, '?');
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
