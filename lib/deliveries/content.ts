import { redact } from '../redact.js';
import type { Delivery } from '../event.js';
import { lookUp } from './look-up.js';
import type { DeliveryContent } from './schema.js';
import { keyOf, type DeliveryStore } from './store.js';

/** Bytes of a body that is shown: a browser has to draw it. */
const MAX_SHOWN = 1024 ** 2;

/**
 * What a delivery says, with credentials and the fields of `REDACT` masked; `undefined` when there is no such delivery.
 * @throws {HooklineError} when there is no such source
 */
export async function readContent(
  store: DeliveryStore,
  source: string,
  id: string,
): Promise<DeliveryContent | undefined> {
  const found = await lookUp(store, source, id);
  if (!found) return undefined;
  const { entry } = found;
  const json = entry && (await store.redis.hget(keyOf(store, entry, entry.jobId), 'data'));
  if (!json)
    return { headers: null, payload: null, note: 'The event has been trimmed: only its id is remembered.' };
  const { headers, rawBody, encoding } = JSON.parse(json) as Delivery;
  const shown = redact(headers, store.masked) as Record<string, string>;
  if (encoding === 'base64')
    return { headers: shown, payload: null, note: `${bytesOf(rawBody)} bytes that are no text.` };
  if (rawBody.length > MAX_SHOWN)
    return { headers: shown, payload: null, note: `${rawBody.length} characters: too many to show here.` };
  try {
    return { headers: shown, payload: redact(JSON.parse(rawBody), store.masked), note: null };
  } catch {
    return { headers: shown, payload: null, note: `${rawBody.length} characters that are not JSON.` };
  }
}

function bytesOf(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}
