import { randomUUID } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './processes.js';

/** No holder needs longer than this (ms): an older lock belongs to a dead process whose id was given out again. */
const MAX_HOLD_MS = 150_000;
/** A lock file is empty only between its creation and its first write (ms). */
const MAX_EMPTY_MS = 2_000;
/** Tells this process from an earlier one with the same id, as in a container. */
const LIFE = randomUUID();

/**
 * Takes a lock file that holds `<pid> <life> <unique>`, for as long as no other live process holds it.
 * A dead process' lock is taken over.
 * @param options.waitMs milliseconds to wait for another holder
 * @param options.onWait called once with the holder's pid when there is something to wait for
 * @returns what releases it
 * @throws when the time is up, or the folder cannot be written
 */
export async function acquireLock(
  path: string,
  options: { waitMs: number; onWait?: (pid: number) => void },
): Promise<() => Promise<void>> {
  const mine = `${process.pid} ${LIFE} ${randomUUID()}`;
  const deadline = Date.now() + options.waitMs;
  let waiting = false;
  while (!(await create(path, mine))) {
    const held = await read(path);
    if (held === undefined) continue;
    const pid = Number.parseInt(held, 10);
    if (Date.now() > deadline) {
      throw new Error(
        `${path} is held by process ${pid}. Wait for it or end it; if it is no Hookline, delete the file.`,
      );
    }
    if (await isStale(path, held)) {
      await removeStale(path, held);
    } else if (!waiting) {
      waiting = true;
      options.onWait?.(pid);
    }
    await sleep(20);
  }
  return async () => {
    if ((await read(path)) === mine) await rm(path, { force: true });
  };
}

async function isStale(path: string, held: string): Promise<boolean> {
  const age = await ageOf(path);
  if (held === '') return age > MAX_EMPTY_MS;
  const [pid, life] = held.split(' ');
  if (Number(pid) === process.pid) return life !== LIFE;
  return age > MAX_HOLD_MS || !isAlive(Number(pid));
}

/** Two processes may see the same stale lock; the marker lets only one remove it, and only if it is still that one. */
export async function removeStale(path: string, held: string): Promise<void> {
  const marker = `${path}.stale`;
  if (!(await create(marker, ''))) {
    if ((await ageOf(marker)) > MAX_EMPTY_MS) await rm(marker, { force: true });
    return;
  }
  try {
    if ((await read(path)) === held) await rm(path, { force: true });
  } finally {
    await rm(marker, { force: true });
  }
}

async function create(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ignoreMissing);
}

/** Milliseconds since the file was last written; 0 when it is gone. */
async function ageOf(path: string): Promise<number> {
  const stats = await stat(path).catch(ignoreMissing);
  return stats ? Date.now() - stats.mtimeMs : 0;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
