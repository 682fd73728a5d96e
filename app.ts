/** The Fastify app: plugins, then routes. A plugin itself, so that tests and other servers mount it. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from './lib/metrics.js';
import type { Figures } from './lib/processes/figures.js';
import type { Settings } from './lib/settings/settings.js';
import type { SourceDefinition } from './lib/source.js';
import type { SpoolFiles } from './lib/spool/files.js';
import type { Tracing } from './lib/tracing/tracing.js';
import adminGuard from './plugins/admin-guard.js';
import dashboard from './plugins/dashboard.js';
import draining from './plugins/draining.js';
import errors from './plugins/errors.js';
import history from './plugins/history.js';
import limits from './plugins/limits.js';
import metrics from './plugins/metrics.js';
import overload from './plugins/overload.js';
import queues from './plugins/queues.js';
import rateLimit from './plugins/rate-limit.js';
import redis from './plugins/redis.js';
import repeatedHeaders from './plugins/repeated-headers.js';
import sources from './plugins/sources.js';
import spool from './plugins/spool.js';
import adminApi from './routes/admin-api.js';
import adminPage from './routes/admin-page.js';
import health from './routes/health.js';
import webhooks from './routes/webhooks.js';

export interface AppOptions {
  settings: Settings;
  definitions: SourceDefinition[];
  redisUrl: string;
  metrics: Metrics;
  /** The spool's file system, where it is not the real one. */
  spoolFiles?: SpoolFiles | undefined;
  /** `undefined`: nothing is traced. */
  tracing?: Tracing | undefined;
  /** Of all processes that share the port. */
  figures: () => Promise<Figures[]>;
}

/** What a process that receives serves. */
async function app(fastify: FastifyInstance, options: AppOptions) {
  const { settings, definitions, redisUrl, figures } = options;
  await fastify.register(errors);
  await fastify.register(limits, {
    maxConnections: settings.MAX_CONNECTIONS,
    maxConnectionsPerAddress: settings.MAX_CONNECTIONS_PER_ADDRESS,
    trustProxy: settings.TRUST_PROXY ?? [],
    bodyMemory: settings.BODY_MEMORY,
  });
  await fastify.register(repeatedHeaders);
  await fastify.register(draining);
  await fastify.register(redis, {
    redisUrl,
    acceptTimeout: settings.ACCEPT_TIMEOUT,
    checkSettings: settings.REDIS_URL !== undefined,
    durability: settings.DURABILITY,
  });
  await fastify.register(rateLimit, {
    keyPrefix: settings.QUEUE_PREFIX,
    refusals: settings.REFUSAL_LIMIT,
    sources: settings.rateLimits,
  });
  await fastify.register(queues, {
    names: definitions.map(({ name }) => name),
    prefix: settings.QUEUE_PREFIX,
    dedupeWindow: settings.DEDUPE_WINDOW,
    writeTimeout: settings.ACCEPT_TIMEOUT,
    durability: settings.DURABILITY,
    events: settings.QUEUE_EVENTS,
    shards: settings.shards,
    onWrite: (source, outcome, seconds) => options.metrics.acceptWrite(source, outcome, seconds),
  });
  await fastify.register(spool, {
    dataDir: settings.DATA_DIR,
    prefix: settings.QUEUE_PREFIX,
    max: settings.SPOOL_MAX,
    writeTimeout: settings.ACCEPT_TIMEOUT,
    drainRate: settings.SPOOL_DRAIN_RATE,
    files: options.spoolFiles,
    metrics: options.metrics,
  });
  await fastify.register(sources, { definitions, settings, metrics: options.metrics });
  await fastify.register(overload, {
    maxInFlight: settings.MAX_IN_FLIGHT,
    maxLoopDelay: settings.MAX_LOOP_DELAY,
    maxMemory: settings.MAX_MEMORY,
    maxQueueDepth: settings.MAX_QUEUE_DEPTH,
    metrics: options.metrics,
  });
  await fastify.register(metrics, { metrics: options.metrics, figures, keyPrefix: settings.QUEUE_PREFIX });

  await fastify.register(history, { keyPrefix: settings.QUEUE_PREFIX });

  await fastify.register(health, { keyPrefix: settings.QUEUE_PREFIX });
  await fastify.register(webhooks, { tracing: options.tracing });
  await fastify.register(async (admin) => {
    await admin.register(adminGuard, {
      user: settings.ADMIN_USER,
      password: settings.ADMIN_PASSWORD,
      production: settings.NODE_ENV === 'production',
      readOnly: settings.ADMIN_READONLY,
    });
    const readOnly = settings.ADMIN_READONLY;
    const masked = settings.REDACT;
    const sources = definitions.map((definition) => ({
      definition,
      settings: settings.sources[definition.name] ?? {},
      enabled: fastify.sources.has(definition.name),
    }));
    await admin.register(adminApi, { keyPrefix: settings.QUEUE_PREFIX, masked, readOnly, sources, figures });
    await admin.register(adminPage, { readOnly });
    await admin.register(dashboard, { readOnly, masked });
  });
}

export default fp(app, { name: 'hookline', fastify: '5.x' });
