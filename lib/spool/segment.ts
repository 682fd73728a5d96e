import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { SpoolFiles } from './files.js';
import { decodePayload, isCutOff, readStretches } from './record.js';

/** One file of records, oldest first. */
export interface Segment {
  path: string;
  /** All that is in it whole; what lies behind was never answered for. */
  bytes: number;
  /** How much of it has been drained. */
  offset: number;
  /** Records that have not been drained. */
  records: number;
  /** When the oldest of them was received, in milliseconds since 1970. */
  oldestAt: number;
  /** When the last pass over it began; the others come first then. */
  triedAt?: number;
}

const NAME = /^(\d{12})\.spool$/;
const POSITION = 'position';

export function segmentPath(folder: string, number: number): string {
  return path.join(folder, `${String(number).padStart(12, '0')}.spool`);
}

/** The numbers of the segments in a folder, in order. */
export async function listSegments(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Remembers how far a segment is drained. Without it the segment is drained again, which changes nothing. */
export async function savePosition(files: SpoolFiles, { path: file, offset }: Segment): Promise<void> {
  const place = path.join(path.dirname(file), POSITION);
  await files.replace(place, `${path.basename(file)} ${offset}\n`);
}

/** Forgets a place in a segment that is gone: the next one may get its name. */
export async function dropStalePosition(files: SpoolFiles, folder: string, numbers: number[]): Promise<void> {
  const place = path.join(folder, POSITION);
  const [name] = (await files.read(place).catch(() => '')).toString().split(' ');
  const known = numbers.some((number) => path.basename(segmentPath(folder, number)) === name);
  if (!known) await files.remove(place);
}

async function readPosition(files: SpoolFiles, file: string): Promise<number> {
  const text = await files.read(path.join(path.dirname(file), POSITION)).catch(() => '');
  const [name, offset] = text.toString().split(' ');
  return name === path.basename(file) ? Number(offset) : 0;
}

/**
 * Reads what a process left. A last record that was torn by its end, and so never answered for, is cut off.
 * @returns the segment, and how many bytes were cut off
 */
export async function loadSegment(
  files: SpoolFiles,
  file: string,
): Promise<{ segment: Segment; torn: number }> {
  const content = await files.read(file);
  const stretches = [...readStretches(content)];
  const last = stretches.at(-1);
  const bytes = last && !last.payload && isCutOff(content, last.start) ? last.start : content.length;
  if (bytes < content.length) await files.truncate(file, bytes);

  const position = await readPosition(files, file);
  const offset = stretches.some(({ start, end }) => start === position || end === position) ? position : 0;
  const left = stretches.filter(({ start, payload }) => payload && start >= offset);
  const oldest = left[0]?.payload;
  const oldestAt = oldest ? receivedAt(oldest) : Date.now();
  return {
    segment: { path: file, bytes, offset, records: left.length, oldestAt },
    torn: content.length - bytes,
  };
}

function receivedAt(payload: Buffer): number {
  try {
    return Date.parse(decodePayload(payload).delivery.receivedAt) || Date.now();
  } catch {
    return Date.now();
  }
}
