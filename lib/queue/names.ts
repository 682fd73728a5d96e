import { createHash, randomBytes, randomInt } from 'node:crypto';
import { bytesOf } from '../text.js';

/** What may stand in a Redis key and in a job id as it is: no `:`, which BullMQ reserves, and nothing exotic. */
const PLAIN = /^[\w.@=+-]{1,64}$/;

/** The part of the deduplication key that stands for a webhook id: the id itself where it is plain, else its hash. */
export function dedupeKey(id: string): string {
  return PLAIN.test(id) ? id : `~${createHash('sha256').update(bytesOf(id)).digest('base64url')}`;
}

/** How a webhook id shows in the job id: itself where plain, else as much of it as is. */
export function label(id: string): string {
  return PLAIN.test(id) ? id : id.replace(/[^\w.@=+-]+/g, '_').slice(0, 64);
}

/** 42 bits, 7 characters: with a UUID the longest text that Redis keeps in the 64 bytes of its value's own header. */
const SHORT = 7;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const COUNTS = ALPHABET.length ** SHORT;
const processNonce = randomBytes(6).toString('base64url');
let count = randomInt(COUNTS);

/**
 * A job id that shows its webhook id and is made only once: `<id>~<nonce>`. The nonce is what makes a resent
 * command harmless, as Redis answers it with the same job. It tells apart deliveries of one webhook id; where only a
 * part of that shows, it must tell apart all there are, and is longer.
 */
export function newJobId(id: string): string {
  count = (count + 1) % COUNTS;
  let nonce = '';
  for (let rest = count; nonce.length < SHORT; rest = Math.floor(rest / ALPHABET.length))
    nonce += ALPHABET[rest % ALPHABET.length];
  return PLAIN.test(id) ? `${id}~${nonce}` : `${label(id)}~${processNonce}${nonce}`;
}

/** The job's name for dashboards: the topic, or a word that says that there is none. */
export function jobName(topic: string | null): string {
  return topic ?? '(no topic)';
}
