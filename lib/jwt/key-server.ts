import { fetchLimited, type Fetched } from '../fetch.js';
import { parseObject } from './json.js';
import { readKeySet, type PublicKey } from './public-keys.js';

export interface KeyServerOptions {
  issuer: string;
  /** Where the key set is. Left out: found by discovery. */
  jwksUri?: string | undefined;
  /** Milliseconds for discovery and key set together. */
  timeoutMs: number;
  /** Bytes of either document. */
  maxBytes: number;
  maxKeys: number;
  /** Milliseconds for which a discovered address is used before discovery is asked again. */
  discoveryFor: number;
  now: () => number;
  signal: AbortSignal;
}

export interface FetchedKeys {
  keys: Map<string, PublicKey>;
  /** Milliseconds the server lets the set be kept, `undefined` when it does not say. */
  lifetime: number | undefined;
  /** By how many milliseconds the server's clock is ahead of ours, `undefined` when it does not tell the time. */
  clockAhead: number | undefined;
}

/** Asks the issuer for its keys. Knows where they are; keeps none. */
export class KeyServer {
  readonly #options: KeyServerOptions;
  #discovered: { uri: string; until: number } | undefined;

  constructor(options: KeyServerOptions) {
    this.#options = options;
  }

  /** @throws {Error} whatever is wrong; the message is for the operator. */
  async fetchKeys(): Promise<FetchedKeys> {
    const get = this.#getWithin(this.#options.timeoutMs);
    const uri = this.#options.jwksUri ?? (await this.#locate(get));
    try {
      const answer = await get(uri);
      if (answer.status !== 200)
        throw new Error(`${new URL(uri).origin} answered ${answer.status} for the key set`);
      return {
        keys: readKeySet(answer.text, this.#options.maxKeys),
        lifetime: lifetimeOf(answer.headers),
        clockAhead: clockAhead(answer.headers, this.#options.now()),
      };
    } catch (error) {
      // The key set may have moved: ask discovery again next time.
      if (this.#discovered) this.#discovered.until = 0;
      throw error;
    }
  }

  async #locate(get: Get): Promise<string> {
    const { issuer, discoveryFor, now } = this.#options;
    const known = this.#discovered;
    if (known && now() < known.until) return known.uri;
    try {
      const uri = (await discover(issuer, get)) ?? wellKnown(issuer, 'jwks.json');
      this.#discovered = { uri, until: now() + discoveryFor };
      return uri;
    } catch (error) {
      // The address known so far outlives an outage of discovery, but not an answer that contradicts it.
      if (known && !(error instanceof DiscoveryError)) return known.uri;
      throw error;
    }
  }

  /** One deadline for all that is got through the returned function. */
  #getWithin(timeoutMs: number): Get {
    const { maxBytes, signal } = this.#options;
    const deadline = performance.now() + timeoutMs;
    return async (url) =>
      fetchLimited(url, {
        timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())),
        maxBytes,
        accept: 'application/json',
        signal,
      });
  }
}

type Get = (url: string) => Promise<Fetched>;

/** A discovery document that must not be followed. */
class DiscoveryError extends Error {
  override name = 'DiscoveryError';
}

/**
 * OpenID Connect Discovery 1.0 §4: the key set's address, or `undefined` where the issuer has no discovery document.
 * @throws {DiscoveryError} when it names another issuer (§4.3: it must be the very same string), or a key set that
 * is less protected than the issuer itself.
 */
async function discover(issuer: string, get: Get): Promise<string | undefined> {
  const { status, text } = await get(wellKnown(issuer, 'openid-configuration'));
  if (status === 429 || status >= 500) throw new Error(`the issuer answered ${status} to OIDC discovery`);
  const document = status === 200 ? parseObject(text) : undefined;
  // Some servers answer every path with their home page, or with the key set.
  if (!document || !('issuer' in document || 'jwks_uri' in document)) return undefined;
  if (document['issuer'] !== issuer) {
    throw new DiscoveryError(
      'OIDC discovery names another issuer: write the issuer exactly as the document does',
    );
  }
  const uri = document['jwks_uri'];
  const allowed = issuer.startsWith('http:') ? /^https?:/i : /^https:/i;
  if (typeof uri !== 'string' || !URL.canParse(uri) || !allowed.test(uri)) {
    throw new DiscoveryError('OIDC discovery names no key set, or one that is not https');
  }
  return uri;
}

/** §4.1: a slash at the issuer's end is dropped first. */
function wellKnown(issuer: string, document: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/${document}`;
}

/** RFC 9110 §6.6.1: `Date` is when the answer was made, to the second; `Age` is how long it has been in caches since. */
function clockAhead(headers: Headers, now: number): number | undefined {
  const date = Date.parse(headers.get('date') ?? '');
  const age = /^\d{1,10}$/.exec(headers.get('age') ?? '')?.[0] ?? '0';
  return Number.isNaN(date) ? undefined : date + Number(age) * 1_000 - now;
}

/** RFC 9111 §4.2: `max-age` less the time the answer has already spent in caches on its way. */
function lifetimeOf(headers: Headers): number | undefined {
  const cacheControl = headers.get('cache-control') ?? '';
  if (/\bno-(?:store|cache)\b/i.test(cacheControl)) return 0;
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(cacheControl)?.[1];
  if (maxAge === undefined) return undefined;
  const age = /^\d{1,10}$/.exec(headers.get('age') ?? '')?.[0] ?? '0';
  return Math.max(0, Number(maxAge) - Number(age)) * 1000;
}
