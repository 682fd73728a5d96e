/** Spools with a queue that a test commands, and file systems that fail. */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { makeDelivery } from '../../lib/delivery.js';
import { silentLog, type Log } from '../../lib/log.js';
import { newJobId } from '../../lib/queue/names.js';
import { Drain, type DrainOptions, type Verdict } from '../../lib/spool/drain.js';
import { realFiles, type SpoolFile, type SpoolFiles } from '../../lib/spool/files.js';
import type { Spooled } from '../../lib/spool/record.js';
import { Spool, type SpoolEvent, type SpoolOptions } from '../../lib/spool/spool.js';

export function spooled(id: string = randomUUID(), body = '{}', receivedAt = new Date()): Spooled {
  const raw = { body: Buffer.from(body), headers: {} };
  const delivery = makeDelivery('petstore', raw, { id, topic: 'pet.adopted' }, receivedAt);
  return { jobId: newJobId(id), delivery };
}

export interface TestSpool {
  spool: Spool;
  events: SpoolEvent[];
  /** Messages of warnings and errors. */
  said: string[];
}

/** A spool that closes with the test. */
export async function openSpool(
  t: Test,
  dataDir: string,
  options: Partial<SpoolOptions> = {},
): Promise<TestSpool> {
  const events: SpoolEvent[] = [];
  const said: string[] = [];
  const spool = await Spool.open({
    dataDir,
    prefix: 'test',
    max: 100 * 1024 ** 2,
    writeTimeout: 10_000,
    log: listening(said),
    onEvent: (event) => events.push(event),
    ...options,
  });
  t.teardown(() => spool.close());
  return { spool, events, said };
}

function listening(said: string[]): Log {
  const say = (_fields: object, message: string) => void said.push(message);
  return { ...silentLog, warn: say, error: say };
}

/** Drains into a list; `decide` may give another verdict than `queued`. Ends with the test. */
export function startDrain(
  t: Test,
  { spool, events, said }: TestSpool,
  options: Partial<DrainOptions> & { decide?: (item: Spooled) => Verdict } = {},
): { queued: Spooled[]; stop: () => Promise<void> } {
  const queued: Spooled[] = [];
  const drain = new Drain({
    spool,
    rate: { max: 100_000, window: 1_000 },
    log: listening(said),
    onEvent: (event) => events.push(event),
    queue: async (item) => {
      const verdict = options.decide?.(item) ?? { is: 'queued' };
      if (verdict.is === 'queued') queued.push(item);
      return verdict;
    },
    queued: () => queued.length,
    ...options,
  });
  t.teardown(() => drain.stop());
  return { queued, stop: () => drain.stop() };
}

/** The segments of a slot, by path. */
export async function segmentsOf(dataDir: string, slot = 'test-0'): Promise<string[]> {
  const folder = path.join(dataDir, 'spool', slot);
  const names = await readdir(folder);
  return names.filter((name) => /^\d{12}\.spool$/.test(name)).map((name) => path.join(folder, name));
}

/** The real file system, but for what `faults` says about a file that is being written. */
export function failing(
  faults: Partial<Record<'append' | 'sync' | 'create', () => Error | undefined>>,
): SpoolFiles {
  const check = (what: keyof typeof faults) => {
    const error = faults[what]?.();
    if (error) throw error;
  };
  return {
    ...realFiles,
    async create(file) {
      check('create');
      const opened = await realFiles.create(file);
      return {
        ...opened,
        async append(bytes) {
          const error = faults.append?.();
          // A disk that is full takes what there is room for.
          await opened.append(error ? bytes.subarray(0, bytes.length >> 1) : bytes);
          if (error) throw error;
        },
        async sync() {
          check('sync');
          await opened.sync();
        },
      } satisfies SpoolFile;
    },
  };
}

export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}
