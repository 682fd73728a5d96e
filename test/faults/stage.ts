/** A Redis, the way to it, receivers and workers in processes of their own, and handlers that tell what they do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../lib/log.js';
import { closeConnection, primariesOf, producerConnection } from '../../lib/queue/connection.js';
import { freePort } from '../process/relay.js';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, type Ledger } from '../support/ledger.js';
import { startHookline, type HooklineProcess } from '../support/process.js';
import { temporaryFolder, type Owner } from '../support/store.js';
import { countEnds } from './checker.js';
import { isTaken, type History, type Queued, type Run, type Sent } from './history.js';
import { petstore } from './provider.js';
import { openProxy, type Proxy } from './proxy.js';
import { DurableRedis } from './redis.js';

/** The users of `several` servers may use it. */
export const PREFIX = 'shop';
/** Milliseconds: a killed worker's jobs come back within 25 s. */
const SETTLE = 90_000;
/** Milliseconds in which the receivers of a stage are up where nothing holds them up. */
const START = 2_000;

const handler = (topic: string, options: string, milliseconds: number) => `
  export default {
    source: 'petstore', topic: '${topic}', attempts: 50, backoff: { type: 'fixed', delay: 50 }, ${options}
    async handle({ id }) {
      note({ what: 'began', id, pid: process.pid });
      await sleep(${milliseconds});
      note({ what: 'ended', id, pid: process.pid });
    },
  };`;

export interface StageOptions {
  receivers?: number;
  workers?: number;
  /** How long a handler takes, in milliseconds. */
  handling?: number;
  /** Added to the environment of the receivers, and of the workers. */
  receiver?: Record<string, string>;
  worker?: Record<string, string>;
  /** Another server program for the receivers. */
  command?: string[];
  /** Redis of several servers, in the place of the one behind the proxy: answers its URL. */
  several?: (owner: Owner) => Promise<string>;
  /** No handler keeps an order. */
  unordered?: boolean;
}

/** A process that is replaced now and then, at one port. */
export interface Replaceable {
  current: HooklineProcess;
  /** Ends it, by SIGKILL or in order, and starts another like it. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface Stage {
  owner: Owner;
  redis: DurableRedis;
  proxy: Proxy;
  receivers: Replaceable[];
  workers: Replaceable[];
  addresses: () => string[];
  /** Where the receivers keep their spool: one folder for all. */
  dataDir: string;
  /** How many times longer than on a machine with time for it the receivers took to start; at least 1. */
  slowness: number;
  /** What the handlers did so far. */
  runs: () => readonly Run[];
  /** What became of a round's events, once all that were answered 200 have ended or nothing moves any more. */
  settle(sent: ReadonlyMap<string, Sent>, options?: SettleOptions): Promise<History>;
}

export interface SettleOptions {
  /** Milliseconds. */
  limit?: number | undefined;
  /** Ids that are not waited for. */
  lost?: ReadonlySet<string> | undefined;
}

export async function openStage(owner: Owner, options: StageOptions = {}): Promise<Stage> {
  const redis = await DurableRedis.open(owner);
  const proxy = await openProxy(owner, redis.port);
  const url = await options.several?.(owner);
  const ledger = await openLedger<Run>(owner);
  const handling = options.handling ?? 2;
  const handlers = await handlersFolder(owner, ledger, {
    'any.mjs': handler('*', '', handling),
    ...(options.unordered !== true && {
      'in-order.mjs': handler('order.changed', 'serialBy: ({ payload }) => payload.data.key,', handling),
    }),
  });
  const dataDir = await temporaryFolder(owner);
  const environment = {
    REDIS_URL: url ?? proxy.url,
    QUEUE_PREFIX: PREFIX,
    HANDLERS_DIR: handlers,
    SHUTDOWN_TIMEOUT: '10s',
    LOG_LEVEL: 'warn',
    ...petstore.environment,
  };
  const began = performance.now();
  const receivers = await Promise.all(
    Array.from({ length: options.receivers ?? 1 }, async () => {
      const own = { ...environment, ROLE: 'receiver', PORT: String(await freePort()), DATA_DIR: dataDir };
      return replaceable(owner, { ...own, ...options.receiver }, options.command);
    }),
  );
  const slowness = Math.max(1, (performance.now() - began) / START);
  const workers = await Promise.all(
    Array.from({ length: options.workers ?? 1 }, async () =>
      replaceable(owner, { ...environment, ROLE: 'worker', ...options.worker }),
    ),
  );
  return {
    owner,
    redis,
    proxy,
    receivers,
    workers,
    dataDir,
    slowness,
    addresses: () => receivers.map(({ current }) => current.address),
    runs: () => ledger.read(),
    settle: (sent, settling) => settle(url ?? `redis://127.0.0.1:${redis.port}`, ledger, sent, settling),
  };
}

async function replaceable(
  owner: Owner,
  environment: Record<string, string>,
  command?: string[],
): Promise<Replaceable> {
  // It says that it is up at this level.
  const start = () => startHookline(owner, { ...environment, LOG_LEVEL: 'info' }, command);
  const self: Replaceable = {
    current: await start(),
    async kill() {
      self.current.child.kill('SIGKILL');
      await self.current.exited;
    },
    async stop() {
      self.current.child.kill('SIGTERM');
      const exit = await self.current.exited;
      if (exit !== 0) throw new Error(`it did not end in order: ${exit} ${self.current.stderr()}`);
    },
    async start() {
      self.current = await start();
    },
  };
  return self;
}

async function settle(
  url: string,
  ledger: Ledger<Run>,
  sent: ReadonlyMap<string, Sent>,
  { limit = SETTLE, lost }: SettleOptions = {},
): Promise<History> {
  const awaited = [...sent.values()]
    .filter((one) => isTaken(one) && !one.forged && lost?.has(one.id) !== true)
    .map(({ id }) => id);
  let left = awaited;
  const allEnded = () => {
    const ended = countEnds([...ledger.read()]);
    left = left.filter((id) => !ended.has(id));
    return left.length === 0;
  };
  // What is missing then is the checker's to tell.
  await until('', allEnded, limit).catch(() => {});
  // A second job of an event would run now.
  await sleep(300);
  const runs = ledger.read().filter(({ id }) => sent.has(id));
  return { sent: new Map(sent), runs, queued: await findJobs(url, sent) };
}

/** The jobs of each event, on whichever server and in whichever of the source's queues. */
async function findJobs(url: string, sent: ReadonlyMap<string, Sent>): Promise<Map<string, Queued>> {
  const redis = producerConnection(url, 10_000, silentLog);
  try {
    await until('a connection', () => redis.status === 'ready');
    const keys = new Set<string>();
    for (const node of primariesOf(redis)) {
      const scan = node.scanStream({ match: `*petstore*:evt_*`, count: 1_000 }) as AsyncIterable<string[]>;
      for await (const some of scan) for (const key of some) keys.add(key);
    }
    const queued = new Map<string, Queued>();
    for (const key of keys) {
      const [, job, id = ''] = /:((evt_[^:~]+)~[\w-]+)$/.exec(key) ?? [];
      if (job === undefined || !sent.has(id)) continue;
      const known = queued.get(id) ?? { jobs: [], seq: undefined };
      const seq = known.seq ?? (Number(await redis.hget(key, 'seq')) || undefined);
      queued.set(id, { jobs: [...known.jobs, job], seq });
    }
    return queued;
  } finally {
    await closeConnection(redis);
  }
}
