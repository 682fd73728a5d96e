import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../log.js';
import type { SpoolFiles } from './files.js';
import { dropStalePosition, listSegments, loadSegment, segmentPath, type Segment } from './segment.js';
import { takeSlot, type SlotLock } from './slot-lock.js';
import { SpoolError } from './spool-error.js';

/** A folder of segments that only this process writes and drains. */
export interface Slot {
  folder: string;
  lock: SlotLock;
  /** Those that take no more, oldest first. */
  segments: Segment[];
  /** The number of the next segment. */
  next: number;
}

export interface SlotOptions {
  dataDir: string;
  /** Begins the slots' names: Hooklines with another queue prefix leave them alone. */
  prefix: string;
  files: SpoolFiles;
  log: Log;
  /** Told of each last record that was torn. */
  onTorn: () => void;
}

/** Processes that may share one folder. */
const MAX_SLOTS = 1_000;

/**
 * Takes the first slot that nobody holds, and what a dead process left in it.
 * @throws {SpoolError}
 */
export async function takeFirstSlot(options: SlotOptions): Promise<Slot> {
  const { dataDir, prefix, files } = options;
  const root = rootOf(options);
  try {
    const made = await mkdir(root, { recursive: true, mode: 0o700 });
    if (made !== undefined) await files.syncFolder(dataDir);
    for (let number = 0; number < MAX_SLOTS; number += 1) {
      const folder = path.join(root, `${prefix}-${number}`);
      if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await files.syncFolder(root);
      const slot = await take(folder, options);
      if (slot) return slot;
    }
  } catch (error) {
    throw error instanceof SpoolError ? error : new SpoolError(`${root} cannot be used`, error);
  }
  throw new SpoolError(`${MAX_SLOTS} processes use ${root} already`);
}

/** Takes what dead processes left in the slots that nobody holds. */
export async function takeLeftovers(options: SlotOptions, own: readonly Slot[]): Promise<Slot[]> {
  const root = rootOf(options);
  const found: Slot[] = [];
  for (const name of await readdir(root)) {
    const folder = path.join(root, name);
    if (!isSlotOf(options.prefix, name) || own.some((slot) => slot.folder === folder)) continue;
    if ((await listSegments(folder)).length === 0) continue;
    const slot = await take(folder, options);
    if (slot) found.push(slot);
  }
  return found;
}

async function take(folder: string, options: SlotOptions): Promise<Slot | undefined> {
  const lock = await takeSlot(folder);
  if (!lock) return undefined;
  try {
    return { folder, lock, ...(await load(folder, options)) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function load(folder: string, { files, log, onTorn }: SlotOptions) {
  const numbers = await listSegments(folder);
  const segments: Segment[] = [];
  await dropStalePosition(files, folder, numbers);
  for (const number of numbers) {
    const { segment, torn } = await loadSegment(files, segmentPath(folder, number));
    if (torn > 0) {
      onTorn();
      log.warn(
        { file: segment.path, bytes: torn },
        'a record that was torn before it was answered is cut off',
      );
    }
    if (segment.offset < segment.bytes) segments.push(segment);
    else await files.remove(segment.path);
  }
  return { segments, next: (numbers.at(-1) ?? 0) + 1 };
}

function rootOf({ dataDir }: SlotOptions): string {
  return path.join(path.resolve(dataDir), 'spool');
}

function isSlotOf(prefix: string, name: string): boolean {
  return name.startsWith(`${prefix}-`) && /^\d+$/.test(name.slice(prefix.length + 1));
}
