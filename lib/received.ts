import type { Delivery, Envelope } from './event.js';

/**
 * A delivery whose body is still bytes: it goes from the sender to Redis, and to make text of it on the way, and bytes
 * of that again, would be done for nobody.
 */
export interface Received {
  envelope: Envelope;
  /** UTF-8; where `encoding` says so, the base64 of what came. */
  body: Buffer;
}

/** A delivery on its way into its queue: as it was received, or as it was spooled. */
export type Queueable = Delivery | Received;

export function envelopeOf(one: Queueable): Envelope {
  return 'body' in one ? one.envelope : one;
}

/** About how many bytes it is. */
export function weightOf(one: Queueable): number {
  return 'body' in one ? one.body.length : one.rawBody.length;
}

export function toDelivery({ envelope, body }: Received): Delivery {
  const { encoding, headers, quarantine, traceparent, ...named } = envelope;
  return {
    ...named,
    rawBody: body.toString(),
    ...(encoding && { encoding }),
    headers,
    ...(quarantine && { quarantine }),
    ...(traceparent && { traceparent }),
  };
}

const RAW_BODY = ',"rawBody":';

/**
 * The delivery as JSON, as a job has it: `rawBody` behind what names the event (see `lib/deliveries/read-jobs.ts`).
 *
 * The body is read as Latin-1, one character a byte. JSON escapes quotes, backslashes and control characters, which are
 * single bytes in UTF-8 too, and leaves all others alone: written as Latin-1 again it is the JSON of the text.
 */
export function toJson(one: Queueable): Buffer | string {
  if (!('body' in one)) return JSON.stringify(one);
  const envelope = JSON.stringify(one.envelope);
  // Quotes inside of values are escaped, so this is where the members begin that follow the body.
  const at = envelope.indexOf(one.envelope.encoding ? ',"encoding":' : ',"headers":');
  const before = envelope.slice(0, at) + RAW_BODY;
  const body = JSON.stringify(one.body.toString('latin1'));
  const json = Buffer.allocUnsafe(Buffer.byteLength(envelope) + RAW_BODY.length + body.length);
  let length = json.write(before);
  length += json.write(body, length, 'latin1');
  json.write(envelope.slice(at), length);
  return json;
}
