import { createHash } from 'node:crypto';
import type { WebhookEvent } from '../../lib/event.js';
import { PermanentError } from '../../lib/handler-errors.js';
import type { Handler } from '../../lib/handler.js';

/** At most `max` events in hand at once; see `slots.lua.ts`. */
export interface SlotGate {
  key: string;
  waiting: string;
  max: number;
  ordered: boolean;
}

/** At most `max` starts within any `per` milliseconds. `key` lists the last starts, `waiting` who wants one. */
export interface RateGate {
  key: string;
  waiting: string;
  max: number;
  per: number;
}

/** A place in the order of a `serialBy` key. `members`: the key's live events by their numbers. */
export interface SerialGate {
  members: string;
  hold: boolean;
}

/** The newest version of a `latestBy` key is under `key`; `version` is this event's, a letter for its kind first. */
export interface LatestGate {
  key: string;
  version: string;
  /** Milliseconds. */
  remember: number;
  /** For people. */
  name: string;
}

/** What an event must pass before its handler runs. All keys are whole. */
export interface Gates {
  /** Some handler of the source has `serialBy`, so that every event must be noted as seen. */
  ordered: boolean;
  serial?: SerialGate;
  latest?: LatestGate;
  slots: SlotGate[];
  rates: RateGate[];
}

/** `serialBy` or `latestBy` gave something that is no key or no version. No retry mends that. */
export class KeyError extends PermanentError {
  override name = 'KeyError';
}

/**
 * The gates of an event, or `undefined` where its handler asks for none.
 * @param base the beginning of all keys of the source's queue, colon included
 * @throws {KeyError}, or what `serialBy` or `latestBy` throws
 */
export function gatesOf(
  handler: Handler,
  event: WebhookEvent,
  base: string,
  ordered: boolean,
): Gates | undefined {
  const serial = serialGate(handler, event, base);
  const latest = latestGate(handler, event, base);
  const { concurrency, rateLimit } = handler;
  if (!serial && !latest && !concurrency && !rateLimit) return undefined;
  const limit = `${base}limit:${nameOf(handler)}`;
  const slots: SlotGate[] = [];
  if (serial) slots.push({ key: `${serial.members}:slot`, waiting: serial.members, max: 1, ordered: true });
  if (latest)
    slots.push({ key: `${latest.key}:slot`, waiting: `${latest.key}:waiting`, max: 1, ordered: false });
  if (concurrency) {
    slots.push({
      key: `${limit}:slots`,
      waiting: `${limit}:slots-waiting`,
      max: concurrency,
      ordered: false,
    });
  }
  const rates: RateGate[] = rateLimit
    ? [{ key: `${limit}:starts`, waiting: `${limit}:starts-waiting`, ...rateLimit }]
    : [];
  return { ordered, ...(serial ? { serial } : {}), ...(latest ? { latest } : {}), slots, rates };
}

/** One key orders events of all handlers of the source, such as an order's creation and its changes. */
function serialGate(handler: Handler, event: WebhookEvent, base: string): SerialGate | undefined {
  const key = handler.serialBy?.(event);
  if (key === undefined || key === null) return undefined;
  const members = `${base}serial:${hash(keyText('serialBy', key))}`;
  return { members, hold: handler.onDead === 'hold' };
}

/** Versions are compared within one handler: the same key may number other things elsewhere. */
function latestGate(handler: Handler, event: WebhookEvent, base: string): LatestGate | undefined {
  const found = handler.latestBy?.(event);
  if (found === undefined || found === null) return undefined;
  if (typeof found !== 'object')
    throw new KeyError(`latestBy gives { key, version } or null; it gave ${show(found)}.`);
  const name = keyText('latestBy', found.key);
  return {
    key: `${base}latest:${hash(`${nameOf(handler)}\n${name}`)}`,
    version: versionText(found.version),
    remember: handler.rememberVersions ?? 30 * 86_400_000,
    name,
  };
}

/** The parts by which a handler is chosen: no two handlers of a source have the same. */
function nameOf({ topic, subTopic, tenantId }: Handler): string {
  return [topic, subTopic, tenantId].filter((part) => part !== undefined).join('|');
}

function keyText(option: string, key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  if (typeof key === 'number' && Number.isFinite(key)) return String(key);
  throw new KeyError(
    `The key that ${option} gives is a text that is not empty, or a number; it gave ${show(key)}. ` +
      'For an event that has none, give null instead.',
  );
}

function versionText(version: unknown): string {
  if (typeof version === 'string' && version !== '') return `s${version}`;
  if (typeof version === 'number' && Number.isFinite(version)) return `n${version}`;
  throw new KeyError(
    `A version of latestBy is a text that is not empty, or a number; it gave ${show(version)}. ` +
      'For an event that has none, give null instead of { key, version }.',
  );
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Keys may be long or personal: neither shows in Redis. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27);
}
