/**
 * A record: 4 bytes that no UTF-8 text can hold, a CRC-32 of all that follows, the payload's length, the payload as
 * JSON in UTF-8. Numbers are unsigned, 32 bits, little-endian. As the opening bytes cannot be in a payload, the next
 * whole record is found behind one that cannot be read, and none is found inside a delivery's body.
 */
import type { Delivery } from '../event.js';
import { crc32 } from './crc32.js';

/** One delivery as it waits: with the job id under which it was tried, so that queueing it again changes nothing. */
export interface Spooled {
  jobId: string;
  delivery: Delivery;
}

const OPENING = Buffer.from([0xff, 0x48, 0x4b, 0xfe]);
const CRC_AT = 4;
const LENGTH_AT = 8;
const HEADER = 12;

export function encodeRecord(spooled: Spooled): Buffer {
  const payload = Buffer.from(JSON.stringify(spooled));
  const record = Buffer.allocUnsafe(HEADER + payload.length);
  OPENING.copy(record);
  record.writeUInt32LE(payload.length, LENGTH_AT);
  payload.copy(record, HEADER);
  record.writeUInt32LE(crc32(record.subarray(LENGTH_AT)), CRC_AT);
  return record;
}

/** A stretch of a segment: a record's payload, or bytes that are none. */
export interface Stretch {
  start: number;
  end: number;
  /** All of its bytes. */
  record: Buffer;
  /** `undefined`: these bytes cannot be read. */
  payload: Buffer | undefined;
}

/** All stretches from an offset on, which together are all bytes. */
export function* readStretches(bytes: Buffer, from = 0): Generator<Stretch> {
  for (let start = from; start < bytes.length;) {
    const whole = endOfRecord(bytes, start);
    const end = whole ?? findRecord(bytes, start + 1);
    const record = bytes.subarray(start, end);
    yield { start, end, record, payload: whole === undefined ? undefined : record.subarray(HEADER) };
    start = end;
  }
}

/** @throws {SyntaxError} when the payload is not what `encodeRecord` wrote */
export function decodePayload(payload: Buffer): Spooled {
  return JSON.parse(payload.toString('utf8')) as Spooled;
}

/** Do the bytes from here to the end look like a record whose writing was cut off, rather than a damaged one? */
export function isCutOff(bytes: Buffer, start: number): boolean {
  const there = Math.min(4, bytes.length - start);
  if (bytes.compare(OPENING, 0, there, start, start + there) !== 0) return false;
  return (
    start + HEADER > bytes.length || start + HEADER + bytes.readUInt32LE(start + LENGTH_AT) > bytes.length
  );
}

function endOfRecord(bytes: Buffer, start: number): number | undefined {
  if (start + HEADER > bytes.length || bytes.compare(OPENING, 0, 4, start, start + 4) !== 0) return undefined;
  const end = start + HEADER + bytes.readUInt32LE(start + LENGTH_AT);
  if (end > bytes.length) return undefined;
  const sum = crc32(bytes.subarray(start + LENGTH_AT, end));
  return sum === bytes.readUInt32LE(start + CRC_AT) ? end : undefined;
}

/** The place of the next whole record; the end of all bytes where there is none. */
function findRecord(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(OPENING, from);
  while (at !== -1 && endOfRecord(bytes, at) === undefined) at = bytes.indexOf(OPENING, at + 1);
  return at === -1 ? bytes.length : at;
}
