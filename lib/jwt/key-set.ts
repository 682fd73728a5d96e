import { UnavailableError } from '../errors.js';
import type { Log } from '../log.js';
import type { FetchOutcome } from '../source.js';
import { Budget } from '../budget.js';
import { KeyServer, type FetchedKeys } from './key-server.js';
import { MAX_KID_LENGTH, type PublicKey } from './public-keys.js';
import { Recent } from './recent.js';

/** All times in milliseconds. The reasons are in docs/decisions/0002-key-sets.md. */
export const DEFAULT_LIMITS = {
  /** For one fetch: discovery, key set and their bodies. */
  timeoutMs: 3_000,
  maxBytes: 256 * 1024,
  maxKeys: 100,
  discoveryFor: 86_400_000,
  /** Bounds of what the server's `Cache-Control` may ask for, and what holds when it asks for nothing. */
  minLifetime: 60_000,
  maxLifetime: 86_400_000,
  defaultLifetime: 600_000,
  /** How far past their lifetime keys are used while the key server cannot be asked. */
  staleFor: 86_400_000,
  /** Fetches for the sake of unknown kids: so many at once, then one for every interval. */
  unknownKidBurst: 6,
  unknownKidInterval: 10_000,
  /** How long, and of how many, it is remembered that a kid does not exist. */
  absentFor: 60_000,
  maxAbsent: 1_000,
  /** A signature that does not match has the key looked up again when the set is older than this. */
  recheckAfter: 30_000,
  /** The longest pause between fetches while they fail; it starts at one second and doubles. */
  maxPause: 5_000,
  /** After a failure keys past their lifetime are used at once for so long; later uses wait for a new try. */
  downFor: 60_000,
};

export type KeySetLimits = typeof DEFAULT_LIMITS;

export interface KeySetOptions {
  /** The `iss` of its tokens: an http or https URL unless `jwksUri` is given. */
  issuer: string;
  /** Default: found by OIDC discovery at the issuer, else `<issuer>/.well-known/jwks.json`. */
  jwksUri?: string | undefined;
  log: Log;
  /** Told of every fetch. */
  onFetch?: ((outcome: FetchOutcome) => void) | undefined;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
  limits?: Partial<KeySetLimits> | undefined;
}

interface Held {
  keys: Map<string, PublicKey>;
  fetchedAt: number;
  /** From here on a use of the set refreshes it in the background. */
  refreshAt: number;
  /** From here on it is used only while the key server cannot be asked, */
  expiresAt: number;
  /** and from here on not at all. */
  unusableAt: number;
}

/** An issuer's public keys, kept up to date by use alone: there are no timers. */
export class KeySet {
  readonly #limits: KeySetLimits;
  readonly #log: Log;
  readonly #onFetch: ((outcome: FetchOutcome) => void) | undefined;
  readonly #now: () => number;
  readonly #server: KeyServer;
  readonly #closed = new AbortController();
  readonly #absentUntil: Recent<number>;
  readonly #unknownKids: Budget;
  #held: Held | undefined;
  #clockAhead: number | undefined;
  /** The one fetch in flight; `true` when it brought a set. Never rejects. */
  #inFlight: Promise<boolean> | undefined;
  /** Fetches are numbered as they start, so that it is known whether one began after a kid had arrived. */
  #started = 0;
  #lastSuccess = 0;
  #failures = 0;
  #pausedUntil = 0;
  /** The key server counts as down: keys past their lifetime are used without asking it first. */
  #downUntil = 0;
  #lastError: unknown;

  constructor({ issuer, jwksUri, log, onFetch, now = Date.now, limits }: KeySetOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#log = log;
    this.#onFetch = onFetch;
    this.#now = now;
    this.#server = new KeyServer({ ...this.#limits, issuer, jwksUri, now, signal: this.#closed.signal });
    this.#absentUntil = new Recent(this.#limits.maxAbsent);
    this.#unknownKids = new Budget(this.#limits.unknownKidBurst, this.#limits.unknownKidInterval);
  }

  /** Fetches the keys so that no delivery waits for them. @throws when that fails; later uses try again. */
  async warmUp(): Promise<void> {
    if (!(await (this.#inFlight ?? this.#start()))) throw this.#lastError;
  }

  /** By how many milliseconds the key server's clock was ahead of ours when it was last asked, if it told. */
  get clockAhead(): number | undefined {
    return this.#clockAhead;
  }

  /** Ends a fetch in flight. Keys already held stay usable. */
  close(): void {
    this.#closed.abort();
  }

  /** The key if it can be had at once. Refreshes the set in the background when it is due. */
  peek(kid: string): PublicKey | undefined {
    const held = this.#held;
    const now = this.#now();
    if (!held || now >= held.unusableAt) return undefined;
    if (now >= held.expiresAt && now >= this.#downUntil) return undefined;
    if (now >= held.refreshAt && this.#mayStart(now)) void this.#start();
    return held.keys.get(kid);
  }

  /**
   * The key, or `undefined` when the issuer has none of this name: said only after a fetch that began when the
   * kid was already known, so that a key just rotated in is never taken for a forgery.
   * @throws {UnavailableError} when that cannot be found out now: the key server is down, or unknown kids have
   * used up their fetches.
   * @param mayAsk whether the key server may be asked for the sake of this kid alone
   */
  async get(kid: string, mayAsk = true): Promise<PublicKey | undefined> {
    const key = this.peek(kid);
    if (key || kid.length > MAX_KID_LENGTH) return key;
    if (this.#now() < (this.#absentUntil.get(kid) ?? 0)) return undefined;
    const before = this.#started;
    while (this.#lastSuccess <= before) {
      const fetched = this.#inFlight ?? this.#startForUnknown(mayAsk);
      const succeeded = await fetched;
      const found = this.#usable(kid);
      if (found) return found;
      if (!succeeded) throw new UnavailableError('HKL_ERR_KEYS_UNAVAILABLE', this.#lastError);
    }
    this.#absentUntil.set(kid, this.#now() + this.#limits.absentFor);
    return undefined;
  }

  /**
   * After a signature did not match: the key that has meanwhile taken this one's place under the same kid, if
   * there is one. Asks the key server only when the set is older than `recheckAfter`; never throws.
   */
  async replacementOf(key: PublicKey): Promise<PublicKey | undefined> {
    const now = this.#now();
    if (this.#held && now - this.#held.fetchedAt >= this.#limits.recheckAfter) {
      if (this.#mayStart(now)) await this.#start();
      else await this.#inFlight;
    }
    const current = this.#usable(key.kid);
    return current === key ? undefined : current;
  }

  #usable(kid: string): PublicKey | undefined {
    return this.#held && this.#now() < this.#held.unusableAt ? this.#held.keys.get(kid) : undefined;
  }

  #mayStart(now: number): boolean {
    return !this.#inFlight && now >= this.#pausedUntil;
  }

  /** A fetch for the sake of an unknown kid: charged to the budget unless the set has to be fetched anyway. */
  async #startForUnknown(mayAsk: boolean): Promise<boolean> {
    const now = this.#now();
    if (!this.#mayStart(now)) return false;
    if (this.#held && now < this.#held.expiresAt && !(mayAsk && this.#unknownKids.take(now))) {
      throw new UnavailableError(
        'HKL_ERR_KEYS_UNAVAILABLE',
        new Error('unknown key ids have used up their fetches'),
      );
    }
    return this.#start();
  }

  #start(): Promise<boolean> {
    this.#started += 1;
    this.#inFlight = this.#fetch(this.#started);
    return this.#inFlight;
  }

  async #fetch(number: number): Promise<boolean> {
    try {
      this.#accept(await this.#server.fetchKeys());
      this.#lastSuccess = number;
      this.#failures = 0;
      this.#onFetch?.('ok');
      return true;
    } catch (error) {
      const now = this.#now();
      this.#lastError = error;
      this.#pausedUntil = now + Math.min(1_000 * 2 ** this.#failures, this.#limits.maxPause);
      this.#downUntil = now + this.#limits.downFor;
      this.#failures += 1;
      if (!this.#closed.signal.aborted) {
        this.#onFetch?.('failed');
        this.#log.warn({ err: error, failures: this.#failures }, 'the key set could not be fetched');
      }
      return false;
    } finally {
      this.#inFlight = undefined;
    }
  }

  #accept({ keys, lifetime, clockAhead }: FetchedKeys): void {
    this.#clockAhead = clockAhead;
    const { minLifetime, maxLifetime, defaultLifetime, staleFor } = this.#limits;
    const kept = Math.min(Math.max(lifetime ?? defaultLifetime, minLifetime), maxLifetime);
    const now = this.#now();
    const before = this.#held?.keys ?? new Map<string, PublicKey>();
    for (const [kid, key] of keys) {
      const known = before.get(kid);
      // The same object for the same key: what was verified by it stays verified.
      if (known?.pem === key.pem) keys.set(kid, known);
      else this.#log.info({ kid }, known ? 'a key was replaced under its id' : 'a key was added');
      this.#absentUntil.delete(kid);
    }
    for (const kid of before.keys()) if (!keys.has(kid)) this.#log.info({ kid }, 'a key was removed');
    this.#held = {
      keys,
      fetchedAt: now,
      refreshAt: now + kept * 0.8,
      expiresAt: now + kept,
      unusableAt: now + kept + staleFor,
    };
  }
}
