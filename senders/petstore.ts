import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { spoil } from './keys.js';
import type { RequestOptions, Sample, Sender } from './sender.js';

export interface PetstoreSample extends Sample {
  /**
   * The provider has two documents that disagree. Its guide (the default) says `id` and
   * `X-Petstore-Signature`, its API reference `eventId` and `X-Webhook-Signature`.
   */
  spelling?: 'guide' | 'reference';
}

export interface PetstoreRequestOptions extends RequestOptions {
  /** The body as it stands, whatever it is, and signed; takes the place of the envelope. */
  rawBody?: Buffer | string;
}

export type PetstoreSender = Sender<PetstoreSample, PetstoreRequestOptions>;

/** Acts as Petstore: deliveries with an HMAC-SHA256 of their exact body. */
export function createPetstoreSender({ secret }: { secret: string }): PetstoreSender {
  return {
    source: 'petstore',
    environment: { PETSTORE_WEBHOOK_SECRET: secret },
    async request(sample, options = {}) {
      const { id = `evt_${randomUUID()}`, data = sample.data, triggeredAt = timeNow() } = options;
      const reference = sample.spelling === 'reference';
      const envelope = {
        [reference ? 'eventId' : 'id']: id,
        eventType: sample.topic,
        timestamp: triggeredAt,
        data,
      };
      const body = Buffer.from(options.rawBody ?? JSON.stringify(envelope));
      const key = options.tamper === 'token' ? randomBytes(32) : secret;
      const digest = createHmac('sha256', key).update(body).digest();
      const sent = options.tamper === 'signature' ? spoil(digest) : digest;
      return {
        path: '/webhooks/petstore',
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          [reference ? 'X-Webhook-Signature' : 'X-Petstore-Signature']: `sha256=${sent.toString('hex')}`,
        },
        body: options.tamper === 'body' ? Buffer.concat([body, Buffer.from(' ')]) : body,
        id,
        topic: sample.topic,
      };
    },
    async close() {},
  };
}

/** Whole seconds, as in the provider's guide: `2025-01-06T12:00:00Z`. */
function timeNow(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}
