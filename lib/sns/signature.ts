import { constants, verify, type KeyObject } from 'node:crypto';
import { parseTimestamp } from '../time.js';
import { Budget } from '../budget.js';
import type { Certificates, FoundKey } from './certificates.js';
import { explainBadSignature, type IsSigned } from './diagnosis.js';
import { stringToSign, type SnsMessage } from './message.js';

/** SignatureVersion → hash; both with RSA, PKCS #1 v1.5 (the provider's guide: sns-verify-signature-of-message). */
const HASHES = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
]);

/** A sender's clock may be ahead of ours by this much. Used with `maxAgeMs` only. */
const CLOCK_SKEW = 5 * 60_000;

/** Bad signatures that are looked into: so many at once, then one in every interval (milliseconds). */
const DIAGNOSES = { burst: 10, intervalMs: 2_000 };

export type SnsRefusalCause =
  | 'topic-not-allowed'
  | 'missing-signature'
  | 'unknown-version'
  | 'certificate-url'
  | 'certificate'
  | 'bad-signature'
  | 'stale-message';

/** `detail` is for the operator's log: it holds no secret, and is not for the sender. */
export type SnsVerdict = { ok: true } | { ok: false; cause: SnsRefusalCause; detail: string };

export interface SnsVerifierOptions {
  topicArns: readonly string[];
  certificates: Certificates;
  /** Refuse messages with an older Timestamp. Off by default: see docs/decisions/0003-sns-verification.md. */
  maxAgeMs?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Tells messages that SNS signed for one of our topics from all others. */
export class SnsVerifier {
  readonly #topicArns: ReadonlySet<string>;
  readonly #certificates: Certificates;
  readonly #maxAgeMs: number | undefined;
  readonly #now: () => number;
  readonly #diagnoses = new Budget(DIAGNOSES.burst, DIAGNOSES.intervalMs);

  constructor({ topicArns, certificates, maxAgeMs, now = Date.now }: SnsVerifierOptions) {
    this.#topicArns = new Set(topicArns);
    this.#certificates = certificates;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /**
   * The cheap checks come first, so that only what could be meant for us makes us fetch and compute.
   * @param options.mayFetch whether a certificate may be fetched for the sake of this message
   * @throws {UnavailableError} where the certificate cannot be had just now.
   */
  async verify(message: SnsMessage, { mayFetch = true } = {}): Promise<SnsVerdict> {
    const { TopicArn, Signature, SignatureVersion, SigningCertURL } = message;
    if (!this.#topicArns.has(TopicArn)) {
      return refuse('topic-not-allowed', `TopicArn ${quote(TopicArn)} is not among PCE_TOPIC_ARNS.`);
    }
    if (!Signature || !SigningCertURL)
      return refuse('missing-signature', 'Signature or SigningCertURL is missing.');
    const hash = HASHES.get(SignatureVersion ?? '');
    if (!hash)
      return refuse('unknown-version', `SignatureVersion ${quote(SignatureVersion)} is neither 1 nor 2.`);
    const signature = decodeBase64(Signature);
    if (!signature) return refuse('bad-signature', 'The Signature is not base64.');
    const isSigned = (key: KeyObject, reading: SnsMessage, digest: string): boolean => {
      const signed = Buffer.from(stringToSign(reading));
      return verify(digest, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    };
    const found = await this.#certificates.find(SigningCertURL, mayFetch);
    return this.#verifySignature(found, SigningCertURL, message, hash, isSigned);
  }

  async #verifySignature(
    found: FoundKey,
    url: string,
    message: SnsMessage,
    hash: string,
    isSigned: (key: KeyObject, reading: SnsMessage, digest: string) => boolean,
  ): Promise<SnsVerdict> {
    if (!found.ok) return found;
    if (!isSigned(found.key, message, hash)) {
      const newer: FoundKey | undefined = await this.#certificates.findNewer(url, found.key);
      if (!newer?.ok || !isSigned(newer.key, message, hash)) {
        const key = newer?.ok ? newer.key : found.key;
        return refuse('bad-signature', this.#explain(message, hash, isSigned.bind(undefined, key)));
      }
    }
    this.#certificates.vouch(url);
    return this.#isStale(message)
      ? refuse('stale-message', `Signed well, but at ${quote(message.Timestamp)}.`)
      : { ok: true };
  }

  #explain(message: SnsMessage, hash: string, isSigned: IsSigned): string {
    if (!this.#diagnoses.take(this.#now())) return 'Not looked into: too many bad signatures of late.';
    return explainBadSignature(message, hash, isSigned);
  }

  #isStale({ Timestamp }: SnsMessage): boolean {
    if (this.#maxAgeMs === undefined) return false;
    const sentAt = parseTimestamp(Timestamp);
    if (sentAt === null) return true;
    const age = this.#now() - sentAt;
    return age > this.#maxAgeMs || age < -CLOCK_SKEW;
  }
}

function refuse(cause: SnsRefusalCause, detail: string): SnsVerdict {
  return { ok: false, cause, detail };
}

/** Strict: Buffer itself skips over whatever is not base64. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The sender's text, short, on one line and in ASCII. */
function quote(text: string | null | undefined): string {
  return JSON.stringify(text?.slice(0, 200) ?? null).replace(/[^\x20-\x7e]/g, '?');
}
