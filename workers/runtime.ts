import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { closeConnection, workerConnection } from '../lib/queue/connection.js';
import type { Log } from '../lib/log.js';
import type { Settings } from '../lib/settings/settings.js';
import type { SourceDefinition } from '../lib/source.js';
import type { Tracing } from '../lib/tracing/tracing.js';
import { discoverHandlers } from './discover.js';
import { HandlerRegistry, type RegisteredHandler } from './registry.js';
import { leansOnOneQueue, requireOneQueue, ShardWorkers } from './shard-workers.js';
import { SourceWorker, type SourceWorkerOptions } from './source-worker.js';
import { Understanding } from './understand.js';

const BUILT_IN = fileURLToPath(new URL('./handlers', import.meta.url));

export interface Workers {
  registry: HandlerRegistry;
  /** Stops taking jobs, waits for those in hand until the deadline, then gives back what is left. */
  close(deadline: AbortSignal): Promise<void>;
}

export interface WorkersOptions {
  settings: Settings;
  redisUrl: string;
  definitions: SourceDefinition[];
  log: Log;
  onAttempt: SourceWorkerOptions['onAttempt'];
  onStalled: SourceWorkerOptions['onStalled'];
  /** `undefined`: nothing is traced. */
  tracing?: Tracing | undefined;
}

/**
 * Reads the handlers, then takes the queue of every source that is known, enabled or not: a worker needs no
 * provider's secrets, and what was queued before a source was turned off is still handled.
 * @throws {HandlersError}
 */
export async function startWorkers({
  settings,
  redisUrl,
  definitions,
  log,
  onAttempt,
  onStalled,
  tracing,
}: WorkersOptions): Promise<Workers> {
  const registry = await loadRegistry(settings, definitions);
  requireOneQueue(registry.list(), settings.shards);
  const understanding = new Understanding(registry, definitions);
  const redis = workerConnection(redisUrl, log);
  const needsOneQueue = (source: string) =>
    registry.list().some(({ handler }) => handler.source === source && leansOnOneQueue(handler));
  const openWorker = (source: string, shard: number) =>
    new SourceWorker({
      source,
      shard,
      redis,
      prefix: settings.QUEUE_PREFIX,
      concurrency: settings.WORKER_CONCURRENCY,
      keepCompleted: { age: settings.KEEP_COMPLETED / 1_000, count: settings.KEEP_COMPLETED_COUNT },
      keepFailed: settings.KEEP_FAILED ? { age: settings.KEEP_FAILED / 1_000 } : undefined,
      understanding,
      ordered: registry.list().some(({ handler }) => handler.source === source && handler.serialBy),
      limits: settings.limits[source] ?? { concurrency: undefined, rate: undefined },
      log,
      onAttempt,
      onStalled,
      tracing,
    });
  const workers = definitions.map(
    ({ name }) =>
      new ShardWorkers({
        source: name,
        redis,
        prefix: settings.QUEUE_PREFIX,
        atLeast: settings.shards[name] ?? 1,
        needsOneQueue: needsOneQueue(name),
        open: (shard) => openWorker(name, shard),
        log,
      }),
  );
  log.info(
    { handlers: registry.list().length, queues: definitions.map(({ name }) => name) },
    'workers started',
  );
  return {
    registry,
    async close(deadline) {
      // One listener for each queue.
      setMaxListeners(0, deadline);
      await Promise.all(workers.map((worker) => worker.close(deadline)));
      await closeConnection(redis);
    },
  };
}

/** The user's handlers (or the built-in ones) and those that belong to the providers' protocols. */
export async function loadRegistry(
  settings: Settings,
  definitions: SourceDefinition[],
): Promise<HandlerRegistry> {
  const found = await discoverHandlers(settings.HANDLERS_DIR ?? BUILT_IN);
  const protocol = definitions.flatMap((definition): RegisteredHandler[] => {
    const handlers = definition.handlers?.(settings.sources[definition.name] ?? {}) ?? [];
    return handlers.map((handler) => ({ handler, file: `sources/${definition.name}` }));
  });
  return new HandlerRegistry([...found, ...protocol], definitions);
}
