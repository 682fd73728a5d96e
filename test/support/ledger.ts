/** Handlers in processes of their own, and a file in which they say what they did, in the order in which they did it. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDelivery } from '../../lib/delivery.js';
import { silentLog } from '../../lib/log.js';
import { closeConnection, producerConnection } from '../../lib/queue/connection.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { startHookline, type HooklineProcess } from './process.js';
import { temporaryFolder, type Owner, type TestStore } from './store.js';

export interface Ledger<Entry> {
  /** An absolute path, for handlers. */
  file: string;
  /** All entries so far, oldest first. */
  read(): readonly Entry[];
}

/** An empty ledger that goes with the test. Whole lines, appended, keep their order over all processes. */
export async function openLedger<Entry>(t: Owner): Promise<Ledger<Entry>> {
  const file = path.join(await temporaryFolder(t), 'ledger');
  appendFileSync(file, '');
  const entries: Entry[] = [];
  let read = 0;
  return {
    file,
    read() {
      // What is being written just now may end in half a line.
      const fresh = readFileSync(file).subarray(read);
      const whole = fresh.subarray(0, fresh.lastIndexOf('\n') + 1);
      read += whole.length;
      const lines = whole.toString('utf8').split('\n').slice(0, -1);
      entries.push(...lines.map((line) => JSON.parse(line) as Entry));
      return entries;
    },
  };
}

/**
 * A folder of handler modules, by file name. Each may use `note(entry)`, which writes into the ledger, `sleep(ms)`,
 * and what `hookline` exports.
 */
export async function handlersFolder(
  t: Owner,
  ledger: Ledger<unknown> | undefined,
  modules: Record<string, string>,
): Promise<string> {
  const folder = path.join(await temporaryFolder(t), 'handlers');
  await mkdir(folder);
  const opening = `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import * as hookline from 'hookline';
    const note = (entry) => appendFileSync(${JSON.stringify(ledger?.file ?? '/dev/null')}, JSON.stringify(entry) + '\\n');
  `;
  for (const [name, code] of Object.entries(modules))
    await writeFile(path.join(folder, name), opening + code);
  return folder;
}

/** Processes that only work. */
export async function startWorkers(
  t: Owner,
  store: TestStore,
  count: number,
  environment: Record<string, string>,
): Promise<HooklineProcess[]> {
  if (!existsSync('dist/server.js')) throw new Error('run `npm run build` first');
  return Promise.all(
    Array.from({ length: count }, () =>
      startHookline(t, {
        ROLE: 'worker',
        REDIS_URL: store.url,
        QUEUE_PREFIX: store.prefix,
        LOG_LEVEL: 'info',
        SHUTDOWN_TIMEOUT: '5s',
        ...environment,
      }),
    ),
  );
}

export interface TestEvent {
  id: string;
  topic?: string;
  data: unknown;
}

export interface TestQueue {
  queue: DeliveryQueue;
  /** What else is asked of the queue waits for this. */
  ready: Promise<void>;
  /** Accepts events of petstore in this order, as a receiver does. */
  accept: (...events: TestEvent[]) => Promise<void>;
}

/** Petstore's queue, as a receiver has it. */
export function openQueue(t: Owner, store: TestStore): TestQueue {
  const redis = producerConnection(store.url, 10_000, silentLog);
  const queue = new DeliveryQueue('petstore', {
    redis,
    prefix: store.prefix,
    writeTimeout: 10_000,
    dedupeWindow: 3_600_000,
    log: silentLog,
  });
  const ready = new Promise<void>((resolve) => redis.once('ready', () => resolve()));
  t.teardown(async () => {
    await queue.close();
    await closeConnection(redis);
  });
  return {
    queue,
    ready,
    async accept(...events) {
      await ready;
      for (let from = 0; from < events.length; from += 2_000) {
        await Promise.all(events.slice(from, from + 2_000).map((event) => queue.accept(deliveryOf(event))));
      }
    },
  };
}

function deliveryOf({ id, topic = 'order.changed', data }: TestEvent) {
  const body = Buffer.from(JSON.stringify({ id, eventType: topic, data }));
  return makeDelivery('petstore', { body, headers: {} }, { id, topic }, new Date());
}
