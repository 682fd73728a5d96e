import { createVerifier, TokenError } from 'fast-jwt';
import { checkClaims, isExpired, REQUIRED_CLAIMS, type Expected, type TokenClaims } from './claims.js';
import type { JsonObject } from './json.js';
import type { KeySet } from './key-set.js';
import type { PublicKey } from './public-keys.js';
import { sha256 } from '../sha256.js';
import { Recent } from './recent.js';
import { parseToken, refused, type RefusedToken } from './token.js';

/** Seconds by which the sender's clock and ours may differ. */
const CLOCK_TOLERANCE = 60;
const MAX_REMEMBERED = 1_000;

export interface VerifiedToken {
  ok: true;
  claims: TokenClaims;
}

export interface TokenVerifierOptions {
  keys: KeySet;
  /** Exactly the `iss` of the tokens. */
  issuer: string;
  /** Exactly the `aud` of the tokens, or one of them. */
  audience: string;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}

interface Remembered {
  key: PublicKey;
  verified: VerifiedToken;
}

/**
 * Verifies RS256 JSON Web Tokens of one issuer for one audience, following RFC 8725. A token is remembered while
 * its key is in the key set and it has not expired, so that using it again costs a hash and not a signature check.
 */
export class TokenVerifier {
  readonly #keys: KeySet;
  readonly #expected: Expected;
  readonly #now: () => number;
  readonly #remembered = new Recent<Remembered>(MAX_REMEMBERED);
  /** A verifier is as costly to make as a token to verify. */
  readonly #verifiers = new WeakMap<PublicKey, (token: string) => unknown>();

  constructor({ keys, issuer, audience, now = Date.now }: TokenVerifierOptions) {
    this.#keys = keys;
    this.#expected = { issuer, audience, toleranceSeconds: CLOCK_TOLERANCE };
    this.#now = now;
  }

  /**
   * The cheap checks come first: only a token that would be valid if its signature were may cost a fetch of keys.
   * @param options.mayAsk whether the key server may be asked for the sake of an unknown kid
   * @throws {UnavailableError} when its key cannot be looked up now.
   */
  verify(token: string, { mayAsk = true } = {}): VerifiedToken | Promise<VerifiedToken | RefusedToken> {
    const digest = sha256(token);
    // At once: what nearly every delivery comes to need not wait for a promise.
    return this.#recall(digest) ?? this.#verifyNew(token, { digest, mayAsk });
  }

  async #verifyNew(
    token: string,
    { digest, mayAsk }: { digest: string; mayAsk: boolean },
  ): Promise<VerifiedToken | RefusedToken> {
    const parsed = parseToken(token);
    if (!parsed.ok) return parsed;
    const fault = checkClaims(parsed.claims, this.#expected, this.#now());
    if (fault) return this.#explainTime(parsed.claims, fault);
    const key = await this.#keys.get(parsed.kid, mayAsk);
    if (!key)
      return refused('unknown-key', 'the issuer has published no key of the kid that the token names');
    const signer = await this.#signer(token, key);
    if (!signer.ok) return signer;
    const verified: VerifiedToken = {
      ok: true,
      claims: Object.freeze(parsed.claims as unknown as TokenClaims),
    };
    this.#remembered.set(digest, { key: signer.key, verified });
    return verified;
  }

  /** A token that is out of its time by our clock and in it by the key server's: then it is our clock. */
  #explainTime(claims: JsonObject, fault: RefusedToken): RefusedToken {
    const ahead = this.#keys.clockAhead;
    if (ahead === undefined || (fault.cause !== 'expired' && fault.cause !== 'not-yet-valid')) return fault;
    if (checkClaims(claims, this.#expected, this.#now() + ahead)) return fault;
    const skew = `${Math.abs(Math.round(ahead / 1_000))} s ${ahead > 0 ? 'behind' : 'ahead of'}`;
    return refused(
      'clock-skew',
      `${fault.detail}; by the key server's clock it is in its time: this clock is ${skew} that one. Set it right (NTP)`,
    );
  }

  #recall(digest: string): VerifiedToken | undefined {
    const entry = this.#remembered.get(digest);
    if (!entry) return undefined;
    const { key, verified } = entry;
    // A key that was removed or replaced takes its tokens with it.
    const current = this.#keys.peek(key.kid) === key;
    if (current && !isExpired(verified.claims.exp, CLOCK_TOLERANCE, this.#now() / 1000)) return verified;
    this.#remembered.delete(digest);
    return undefined;
  }

  /** The key that signed the token: the one given, or the one that has just taken its place under its kid. */
  async #signer(token: string, key: PublicKey): Promise<{ ok: true; key: PublicKey } | RefusedToken> {
    const fault = this.#check(token, key);
    if (!fault) return { ok: true, key };
    const replacement = fault.cause === 'bad-signature' ? await this.#keys.replacementOf(key) : undefined;
    if (!replacement) return fault;
    return this.#check(token, replacement) ?? { ok: true, key: replacement };
  }

  #check(token: string, key: PublicKey): RefusedToken | undefined {
    try {
      this.#verifierOf(key)(token);
      return undefined;
    } catch (error) {
      const code = error instanceof TokenError ? error.code : 'an unexpected error';
      if (code === TokenError.codes.invalidSignature || code === TokenError.codes.verifyError) {
        return refused(
          'bad-signature',
          'the signature does not match the key that the token names: a forgery',
        );
      }
      return refused('bad-claim', `the token was refused with ${code}`);
    }
  }

  #verifierOf(key: PublicKey): (token: string) => unknown {
    const known = this.#verifiers.get(key);
    if (known) return known;
    const { issuer, audience } = this.#expected;
    const verifier = createVerifier({
      key: key.pem,
      algorithms: ['RS256'],
      // A second lock beside checkClaims. The times are checked there alone, because the clock is handed in.
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: [...REQUIRED_CLAIMS],
      ignoreExpiration: true,
      ignoreNotBefore: true,
    });
    this.#verifiers.set(key, verifier);
    return verifier;
  }
}
