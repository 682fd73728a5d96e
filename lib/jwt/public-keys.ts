import { createPublicKey } from 'node:crypto';
import { isObject, parseObject, type JsonObject } from './json.js';

/** A key that may verify RS256 tokens. One object stands for one key as long as the key set holds it. */
export interface PublicKey {
  readonly kid: string;
  /** SPKI, PEM. */
  readonly pem: string;
}

/** Longer ones are nobody's, and they would be kept in memory. */
export const MAX_KID_LENGTH = 256;

const MIN_MODULUS_BITS = 2048; // RFC 7518 §3.3
const MAX_MODULUS_BITS = 16_384; // what OpenSSL verifies at all

/**
 * Reads a JWK Set (RFC 7517 §5). Keys that are of no use here are passed over, as §5 asks: only public RSA keys
 * meant for RS256 signatures, with a `kid`, are taken; of several with one `kid` the first.
 * @throws when the text is no key set, or holds no key of use.
 */
export function readKeySet(text: string, maxKeys: number): Map<string, PublicKey> {
  const entries = parseObject(text)?.['keys'];
  if (!Array.isArray(entries)) throw new Error('the answer is not a JSON Web Key Set');
  const keys = new Map<string, PublicKey>();
  for (const entry of entries.slice(0, maxKeys)) {
    const key = isObject(entry) ? readKey(entry) : undefined;
    if (key && !keys.has(key.kid)) keys.set(key.kid, key);
  }
  // More likely a fault of the key server than a wish that nothing be trusted.
  if (keys.size === 0) throw new Error('the key set holds no RSA key for RS256 signatures');
  return keys;
}

function readKey(jwk: JsonObject): PublicKey | undefined {
  const { kty, use, alg, kid, n, e, key_ops: operations } = jwk;
  if (kty !== 'RSA' || (use !== undefined && use !== 'sig') || (alg !== undefined && alg !== 'RS256'))
    return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined;
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined;
  if (typeof n !== 'string' || typeof e !== 'string') return undefined;
  const pem = rsaPem(n, e);
  return pem === undefined ? undefined : { kid, pem };
}

/** Only modulus and exponent go in, so that private members of a careless key set are never loaded. */
function rsaPem(n: string, e: string): string | undefined {
  try {
    const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    if (modulusLength < MIN_MODULUS_BITS || modulusLength > MAX_MODULUS_BITS) return undefined;
    // With an exponent of 1 every signature is its own message: anyone could sign.
    if (publicExponent < 3n || publicExponent % 2n === 0n) return undefined;
    return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch {
    return undefined;
  }
}
