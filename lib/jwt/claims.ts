import type { JsonObject } from './json.js';
import { refused, shown, type RefusedToken } from './token.js';

/** Claims that have been checked. */
export interface TokenClaims {
  readonly iss: string;
  readonly aud: string | readonly string[];
  readonly sub: string;
  /** Seconds since 1970, like `iat` and `nbf`. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf?: number;
}

export interface Expected {
  issuer: string;
  audience: string;
  /** Seconds by which clocks may differ. */
  toleranceSeconds: number;
}

export const REQUIRED_CLAIMS = ['iss', 'aud', 'exp', 'iat', 'sub'] as const;

/**
 * Checks the registered claims (RFC 7519 §4.1): all of `REQUIRED_CLAIMS` present and of the right type, `iss` the
 * very string expected, `aud` it or an array with it, and now within `nbf`, `iat` and `exp`.
 * @param nowMs milliseconds since 1970
 */
export function checkClaims(claims: JsonObject, expected: Expected, nowMs: number): RefusedToken | undefined {
  const missing = REQUIRED_CLAIMS.filter((name) => !Object.hasOwn(claims, name));
  if (missing.length > 0) return refused('missing-claim', `the token lacks ${missing.join(', ')}`);
  return checkParties(claims, expected) ?? checkTimes(claims, expected.toleranceSeconds, nowMs / 1000);
}

function checkParties(
  { iss, aud, sub }: JsonObject,
  { issuer, audience }: Expected,
): RefusedToken | undefined {
  const audiences = [aud].flat();
  if (typeof iss !== 'string') return refused('bad-claim', `iss is ${shown(iss)}, not a string`);
  if (audiences.length === 0 || !audiences.every((value) => typeof value === 'string')) {
    return refused('bad-claim', `aud is ${shown(aud)}, not a string or an array of strings`);
  }
  if (typeof sub !== 'string' || sub === '') return refused('bad-claim', `sub is ${shown(sub)}, not a name`);
  if (iss !== issuer) return refused('wrong-issuer', `iss is ${shown(iss)}, expected ${shown(issuer)}`);
  if (!audiences.includes(audience))
    return refused('wrong-audience', `aud is ${shown(aud)}, expected ${shown(audience)}`);
  return undefined;
}

function checkTimes({ exp, iat, nbf }: JsonObject, tolerance: number, now: number): RefusedToken | undefined {
  if (!isTime(exp)) return refused('bad-claim', `exp is ${shown(exp)}, not a time in seconds`);
  if (!isTime(iat)) return refused('bad-claim', `iat is ${shown(iat)}, not a time in seconds`);
  if (nbf !== undefined && !isTime(nbf))
    return refused('bad-claim', `nbf is ${shown(nbf)}, not a time in seconds`);
  if (isExpired(exp, tolerance, now)) {
    return refused(
      'expired',
      `the token expired ${Math.round(now - exp)} s ago: an old token, or this clock is ahead`,
    );
  }
  if (nbf !== undefined && nbf > now + tolerance) return early('nbf', nbf, now);
  if (iat > now + tolerance) return early('iat', iat, now);
  return undefined;
}

function early(name: string, time: number, now: number): RefusedToken {
  const ahead = Math.round(time - now);
  return refused(
    'not-yet-valid',
    `${name} is ${ahead} s from now: this clock is behind, or the sender's is ahead`,
  );
}

/** §4.1.4: on `exp` itself the token is no longer valid. All in seconds. */
export function isExpired(exp: number, toleranceSeconds: number, now: number): boolean {
  return now >= exp + toleranceSeconds;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
