/** A running Hookline: store, receiver and workers by role, and the order in which they end. */
import fastify, { type FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from 'pino';
import app from './app.js';
import { fastifyOptions } from './fastify-options.js';
import { watchLoopDelay } from './lib/loop-delay.js';
import { Metrics } from './lib/metrics.js';
import type { Figures } from './lib/processes/figures.js';
import type { Member } from './lib/processes/member.js';
import { silentLog } from './lib/log.js';
import { openNotes, withNotes } from './lib/notes.js';
import { closeConnection, producerConnection } from './lib/queue/connection.js';
import type { Settings } from './lib/settings/settings.js';
import type { SourceDefinition } from './lib/source.js';
import { openTracing } from './lib/tracing/tracing.js';
import type { SpoolFiles } from './lib/spool/files.js';
import { openEmbeddedStore } from './lib/store/embedded-store.js';
import draining from './plugins/draining.js';
import errors from './plugins/errors.js';
import metricsPlugin, { type MetricsOptions } from './plugins/metrics.js';
import { startWorkers, type Workers } from './workers/runtime.js';

export interface Service {
  /** `http://host:port` of the receiver; `undefined` when this process only works. */
  address: string | undefined;
  /** Takes the sources' secrets of these settings from now on; all other settings need a restart. */
  reload(settings: Settings): void;
  /** Ends in order; work in hand has `SHUTDOWN_TIMEOUT`. Nothing that was accepted is lost. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  settings: Settings;
  definitions: SourceDefinition[];
  logger: Logger;
  /** The spool's file system, where it is not the real one. */
  spoolFiles?: SpoolFiles;
  /** What is counted, where it is not looked at through `/metrics` alone. */
  metrics?: Metrics;
  /** Of several processes on one port this one. */
  member?: Member | undefined;
}

/** How long the listener goes on answering 503 at least, for senders and balancers to notice. */
const DRAIN_NOTICE = 1_000;

/**
 * Starts what `ROLE` says.
 * @throws {HandlersError} when the handlers cannot be used
 * @throws when the address is taken or the embedded store does not start
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { settings, definitions, logger, spoolFiles, member } = options;
  const { metrics = new Metrics(member && { process: member.name }) } = options;
  const closers: Array<(deadline: AbortSignal) => Promise<void>> = [];
  const closeAll = async (deadline: AbortSignal) => {
    for (const close of closers.splice(0).toReversed()) await close(deadline);
  };
  const endLoopWatch = watchLoopDelay((seconds) => metrics.loopDelay(seconds));
  closers.push(async () => endLoopWatch());
  const tracing = await openTracing(settings, logger);
  // Opened first, so closed last: what the others did to the end is sent.
  if (tracing) closers.push(() => tracing.close());
  try {
    const redisUrl = settings.REDIS_URL ?? (await openStore());
    const workers = settings.ROLE === 'receiver' ? undefined : await openWorkers(redisUrl);
    const server = await openServer(redisUrl);
    member?.answerWith(() => figuresOf(server));
    return {
      address: settings.ROLE === 'worker' ? undefined : server?.listeningOrigin,
      reload: (changed) => reload(server, changed),
      close: () => close(server, workers),
    };
  } catch (error) {
    await closeAll(AbortSignal.timeout(settings.SHUTDOWN_TIMEOUT));
    throw error;
  }

  async function openStore(): Promise<string> {
    const store = await openEmbeddedStore({
      dataDir: settings.DATA_DIR,
      kind: settings.EMBEDDED_STORE,
      log: logger,
    });
    closers.push(() => store.close());
    return store.url;
  }

  async function openWorkers(redisUrl: string): Promise<Workers> {
    // The workers' own connection tells when Redis is away.
    const redis = producerConnection(redisUrl, settings.ACCEPT_TIMEOUT, silentLog);
    closers.push(() => closeConnection(redis));
    for (const { name } of definitions) metrics.openQueue(name);
    const workers = await startWorkers({
      settings,
      redisUrl,
      definitions: withNotes(definitions, (source) => openNotes(redis, settings.QUEUE_PREFIX, source)),
      log: logger,
      onAttempt: ({ source, handlerTopic, outcome, seconds, sinceArrival }) => {
        metrics.attempt(source, handlerTopic ?? 'none', outcome, seconds);
        if (sinceArrival !== undefined) metrics.handled(source, sinceArrival);
      },
      onStalled: (source) => metrics.stalled(source),
      tracing,
    });
    closers.push((deadline) => workers.close(deadline));
    return workers;
  }

  async function openServer(redisUrl: string): Promise<FastifyInstance | undefined> {
    const receives = settings.ROLE !== 'worker';
    const port = receives ? settings.PORT : settings.WORKER_PORT;
    if (port === undefined) return undefined;
    const server = fastify(fastifyOptions(settings, logger));
    closers.push(async (deadline) => {
      deadline.addEventListener('abort', () => server.server.closeAllConnections(), { once: true });
      await server.close();
    });
    const figures = async () => [await figuresOf(server), ...((await member?.others()) ?? [])];
    if (receives)
      await server.register(app, { settings, definitions, redisUrl, metrics, spoolFiles, tracing, figures });
    else await server.register(fp(workerApp), { metrics, figures });
    await server.listen({ port, host: settings.HOST });
    return server;
  }

  async function figuresOf(server: FastifyInstance | undefined): Promise<Figures> {
    return {
      metrics: await metrics.own(),
      spool: settings.ROLE === 'worker' ? undefined : server?.spoolStatus(),
    };
  }

  function reload(server: FastifyInstance | undefined, changed: Settings): void {
    const sources = settings.ROLE === 'worker' ? [] : (server?.updateSources(changed) ?? []);
    logger.info({ sources }, 'secrets were read again');
  }

  async function close(server: FastifyInstance | undefined, workers: Workers | undefined): Promise<void> {
    const deadline = AbortSignal.timeout(settings.SHUTDOWN_TIMEOUT);
    server?.draining.start();
    const notice = Math.min(DRAIN_NOTICE, settings.SHUTDOWN_TIMEOUT);
    await Promise.all([
      workers?.close(deadline),
      server && new Promise((resolve) => setTimeout(resolve, notice)),
    ]);
    await closeAll(deadline);
  }
}

/** What a process that only works serves, where `WORKER_PORT` is set. */
async function workerApp(server: FastifyInstance, options: MetricsOptions): Promise<void> {
  await server.register(errors);
  await server.register(draining);
  await server.register(metricsPlugin, options);
  server.get('/health/live', async () => ({ status: 'live' }));
}
