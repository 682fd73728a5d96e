/** What this process counts, and those that share its port, at /metrics. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { oldestWaiting } from '../lib/deliveries/oldest.js';
import type { Metrics } from '../lib/metrics.js';
import { joinMetrics, type Figures } from '../lib/processes/figures.js';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

export interface MetricsOptions {
  metrics: Metrics;
  /** Of all processes that share the port. */
  figures: () => Promise<Figures[]>;
  /** First part of every Redis key, where the process receives: receivers tell what Redis holds. */
  keyPrefix?: string;
}

async function metrics(fastify: FastifyInstance, { metrics, figures, keyPrefix }: MetricsOptions) {
  fastify.decorate('metrics', metrics);
  if (keyPrefix !== undefined) watchStore(fastify, metrics, keyPrefix);
  fastify.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType);
    const [all, asked] = await Promise.all([figures(), metrics.asked()]);
    return joinMetrics([...all.map(({ metrics }) => metrics), asked]);
  });
}

function watchStore({ redis, queues }: FastifyInstance, metrics: Metrics, prefix: string): void {
  const store = { redis, queues, prefix };
  metrics.watchQueues(queues);
  metrics.watchOldest(queues.keys(), (source) => oldestWaiting(store, source));
  metrics.watchRedis(redis);
}

export default fp(metrics, { name: 'metrics', fastify: '5.x' });
