import type { KeyObject } from 'node:crypto';
import { UnavailableError } from '../errors.js';
import { FetchError, fetchLimited } from '../fetch.js';
import type { FetchOutcome } from '../source.js';
import { checkCertificateUrl, type CertificateUrl } from './certificate-url.js';
import { checkCertificate } from './certificate.js';

const MAX_ENTRIES = 20;
const MAX_BYTES = 64 * 1024;
const MINUTE = 60_000;
/** How long a failure is remembered: a refusal rarely mends, an outage may be over at once. */
const REFUSED_FOR = MINUTE;
const UNAVAILABLE_FOR = 5_000;
/** A trusted origin may put a new certificate under the same name; asking this often finds it soon enough. */
const RENEW_AFTER = 5_000;
/** Statuses that say that there is no such certificate. Any other failure may be a passing one. */
const GONE = new Set([404, 410]);

export type FoundKey =
  { ok: true; key: KeyObject } | { ok: false; cause: 'certificate-url' | 'certificate'; detail: string };

interface Entry {
  outcome: FoundKey | UnavailableError;
  /** When its URL was last asked. */
  askedAt: number;
  /** Milliseconds since 1970 from which on the outcome is not used any more. */
  until: number;
  /** Has verified a message: not pushed out by certificates that have not. */
  proven: boolean;
}

export interface CertificatesOptions {
  /** Origins allowed besides those of AWS. */
  trustedOrigins: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Milliseconds for one fetch. */
  timeoutMs?: number;
  /** Fetches in any 60 seconds, whoever asks for them. */
  maxFetchesPerMinute?: number;
  /** How a checked URL is fetched, where it is not to be done directly. */
  fetch?: typeof fetchLimited;
  /** Told of every fetch. */
  onFetch?: (outcome: FetchOutcome) => void;
}

/**
 * The signing certificates by their URL: fetched, checked, and kept while they are valid.
 *
 * The URL comes from whoever posts, so everything is bounded: one fetch at a time per URL, with a deadline, a size
 * limit and no redirects; failures are remembered; so many fetches a minute; so many entries.
 */
export class Certificates {
  readonly #options: Required<CertificatesOptions>;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<Entry>>();
  /** When the latest fetches started, oldest first. */
  readonly #starts: number[] = [];

  constructor(options: CertificatesOptions) {
    this.#options = {
      now: Date.now,
      timeoutMs: 3_000,
      maxFetchesPerMinute: 30,
      fetch: fetchLimited,
      onFetch: () => {},
      ...options,
    };
  }

  /**
   * The public key of the certificate at a URL.
   * @param mayFetch whether a certificate that is not held may be fetched for the sake of this message
   * @throws {UnavailableError} where the certificate cannot be had just now, so that nothing can be said.
   */
  async find(raw: string, mayFetch = true): Promise<FoundKey> {
    const url = checkCertificateUrl(raw, this.#options.trustedOrigins);
    if (!url) {
      const detail = `The SigningCertURL (${hostOf(raw)}) is neither one of SNS nor a .pem of PCE_TRUSTED_ORIGINS.`;
      return { ok: false, cause: 'certificate-url', detail };
    }
    const known = this.#recall(raw);
    if (!known && !mayFetch && !this.#loading.has(raw)) {
      const reason = new Error('a certificate that is not held, asked for by an address with many refusals');
      throw new UnavailableError('HKL_ERR_KEYS_UNAVAILABLE', reason);
    }
    return unwrap(known ?? (await this.#load(url)));
  }

  /**
   * The key of a certificate that has taken the place of the one whose key was `tried`, or `undefined` when there
   * is none. AWS gives every certificate its own URL and is not asked.
   * @throws {UnavailableError}
   */
  async findNewer(raw: string, tried: KeyObject): Promise<FoundKey | undefined> {
    const entry = this.#entries.get(raw);
    const url = checkCertificateUrl(raw, this.#options.trustedOrigins);
    if (!entry || !url || url.aws) return undefined;
    const { outcome } = entry;
    // Another message has found it in the meantime.
    if ('key' in outcome && outcome.key !== tried) return outcome;
    const due = this.#options.now() - entry.askedAt >= RENEW_AFTER;
    if (!due && !this.#loading.has(raw)) return undefined;
    // Set first: a fetch that fails must not be tried again for every forged message.
    entry.askedAt = this.#options.now();
    return unwrap(await this.#load(url));
  }

  /** Says that a message was verified by this certificate. */
  vouch(raw: string): void {
    const entry = this.#entries.get(raw);
    if (entry) entry.proven = true;
  }

  #recall(raw: string): Entry | undefined {
    const entry = this.#entries.get(raw);
    if (!entry) return undefined;
    this.#entries.delete(raw);
    if (this.#options.now() >= entry.until) return undefined;
    this.#entries.set(raw, entry);
    return entry;
  }

  /** @throws {UnavailableError} when too many were fetched of late. */
  #load(url: CertificateUrl): Promise<Entry> {
    const underWay = this.#loading.get(url.href);
    if (underWay) return underWay;
    this.#countFetch();
    const loading = this.#fetch(url).then((entry) => {
      this.#loading.delete(url.href);
      this.#options.onFetch(outcomeOf(entry));
      this.#remember(url.href, entry);
      return entry;
    });
    this.#loading.set(url.href, loading);
    return loading;
  }

  /** Never rejects. */
  async #fetch({ href, aws }: CertificateUrl): Promise<Entry> {
    const { now, timeoutMs, fetch } = this.#options;
    const make = (outcome: Entry['outcome'], until: number): Entry => {
      return { outcome, askedAt: now(), until, proven: false };
    };
    const refuse = (problem: string): Entry => {
      const detail = `The certificate of ${hostOf(href)} ${problem}.`;
      return make({ ok: false, cause: 'certificate', detail }, now() + REFUSED_FOR);
    };
    const fail = (cause: unknown): Entry => {
      return make(new UnavailableError('HKL_ERR_KEYS_UNAVAILABLE', cause), now() + UNAVAILABLE_FOR);
    };
    try {
      const { status, text } = await fetch(href, { timeoutMs, maxBytes: MAX_BYTES });
      if (GONE.has(status)) return refuse(`is not there (${status})`);
      if (status !== 200)
        return fail(new Error(`${hostOf(href)} answered ${status} when asked for a certificate`));
      const checked = checkCertificate(text, aws, now());
      return checked.ok ? make({ ok: true, key: checked.key }, checked.validTo) : refuse(checked.problem);
    } catch (error) {
      if (!(error instanceof FetchError)) return fail(error);
      if (error.reason === 'too-large') return refuse(`is larger than ${MAX_BYTES} bytes`);
      return error.reason === 'redirect' ? refuse('is a redirect, which is not followed') : fail(error);
    }
  }

  #remember(href: string, entry: Entry): void {
    const old = this.#entries.get(href);
    // An outage says nothing against a certificate that is still valid.
    if (entry.outcome instanceof UnavailableError && old && old.until > this.#options.now()) return;
    this.#entries.delete(href);
    this.#entries.set(href, entry);
    if (this.#entries.size <= MAX_ENTRIES) return;
    const oldest =
      [...this.#entries].find(([key, { proven }]) => !proven && key !== href) ?? [...this.#entries][0];
    if (oldest) this.#entries.delete(oldest[0]);
  }

  /** @throws {UnavailableError} when so many were fetched in the last minute that this one must wait. */
  #countFetch(): void {
    const { now, maxFetchesPerMinute } = this.#options;
    while (this.#starts[0] !== undefined && now() - this.#starts[0] >= MINUTE) this.#starts.shift();
    if (this.#starts.length >= maxFetchesPerMinute) {
      throw new UnavailableError(
        'HKL_ERR_KEYS_UNAVAILABLE',
        new Error('too many certificate fetches in a minute'),
      );
    }
    this.#starts.push(now());
  }
}

function unwrap({ outcome }: Entry): FoundKey {
  if (outcome instanceof UnavailableError) throw outcome;
  return outcome;
}

function outcomeOf({ outcome }: Entry): FetchOutcome {
  if (outcome instanceof UnavailableError) return 'failed';
  return outcome.ok ? 'ok' : 'refused';
}

/** For logs: the URL is the poster's, so it is kept short and in ASCII. */
function hostOf(raw: string): string {
  return URL.canParse(raw) ? new URL(raw).host.slice(0, 100) : 'not a URL';
}
