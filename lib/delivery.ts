import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Delivery, Envelope, QuarantineCause } from './event.js';
import { toDelivery, type Received } from './received.js';
import { isCredentialName } from './redact.js';
import type { Identity, RawDelivery } from './source.js';
import { bytesOf, isPrintable } from './text.js';
import { toIso } from './time.js';

const MAX_ID = 256;
const MAX_NAME = 200;
/** Headers that say something about the connection, not about the event. */
const TRANSPORT = new Set(
  'host connection keep-alive content-length transfer-encoding accept accept-encoding accept-language expect te upgrade'.split(
    ' ',
  ),
);

/**
 * A verified request and what its source says of it → the delivery to queue.
 *
 * Nothing is refused here: an id or a topic that is missing or unfit is replaced and, where that means that
 * no handler can be found, the delivery is marked for quarantine.
 */
export function receiveDelivery(
  source: string,
  raw: RawDelivery,
  identity: Identity,
  receivedAt: Date,
): Received {
  const text = isUtf8(raw.body);
  // Bytes that are no UTF-8 are all read as one character: an id that holds it may stand for many.
  const id = text || !identity.id?.includes('\ufffd') ? identity.id : undefined;
  const topic = boundedName(identity.topic);
  const subTopic = boundedName(identity.subTopic);
  const tenantId = boundedName(identity.tenantId);
  const quarantine = text
    ? (identity.quarantine ?? findFault(identity, { topic, subTopic, tenantId }))
    : unreadable(raw.headers);
  const envelope: Envelope = {
    id: boundedId(id) ?? hashOf(raw.body, [topic, subTopic, tenantId]),
    source,
    topic,
    subTopic,
    tenantId,
    triggeredAt: boundedTime(identity.triggeredAt),
    receivedAt: toIso(receivedAt.getTime()),
    ...(text ? undefined : { encoding: 'base64' as const }),
    headers: keptHeaders(raw.headers),
  };
  if (quarantine) envelope.quarantine = quarantine;
  return { envelope, body: text ? raw.body : Buffer.from(raw.body.toString('base64')) };
}

/** The same, its body as text. */
export function makeDelivery(...received: Parameters<typeof receiveDelivery>): Delivery {
  return toDelivery(receiveDelivery(...received));
}

function findFault(identity: Identity, used: Pick<Delivery, Name>): QuarantineCause | undefined {
  if (!identity.id) return 'no-id';
  if (!identity.topic) return 'no-topic';
  if (used.topic === null) return 'bad-topic';
  // Without its tenant an event would go to whoever takes those of none.
  const lost = (['subTopic', 'tenantId'] as const).some((name) => identity[name] && used[name] === null);
  return lost ? 'bad-name' : undefined;
}

type Name = 'topic' | 'subTopic' | 'tenantId';

/** Of a body that is no text. Nothing is decompressed: a small one could become any size. */
function unreadable(headers: IncomingHttpHeaders): QuarantineCause {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  return coding === '' || coding === 'identity' ? 'not-text' : 'compressed';
}

function boundedName(name: string | undefined): string | null {
  return !name || name.length > MAX_NAME || !isPrintable(name) ? null : name;
}

function boundedTime(time: string | undefined): string | null {
  return time !== undefined && isPrintable(time) ? time.slice(0, MAX_NAME) : null;
}

/** An id that is too long or unprintable is stood in for by its hash: equal ids stay equal. */
export function boundedId(id: string | undefined): string | undefined {
  if (!id) return undefined;
  return id.length > MAX_ID || !isPrintable(id) ? hashOf(bytesOf(id), []) : id;
}

/**
 * `sha256-<hex>`. The routing goes in beside the body, so that two events without an id that differ only in
 * their topic are not taken for one.
 */
function hashOf(content: Buffer, routing: Array<string | null>): string {
  const hash = createHash('sha256').update(content);
  for (const part of routing) hash.update('\0').update(part ?? '');
  return `sha256-${hash.digest('hex')}`;
}

function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name in headers) {
    if (TRANSPORT.has(name) || isCredentialName(name)) continue;
    const value = headers[name];
    if (value !== undefined) kept[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return kept;
}
