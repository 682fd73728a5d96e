/** What this process counts, at /metrics. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from '../lib/metrics.js';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

async function metrics(fastify: FastifyInstance, options: { metrics: Metrics }) {
  fastify.decorate('metrics', options.metrics);
  if (fastify.hasDecorator('queues')) options.metrics.watchQueues(fastify.queues);
  fastify.get('/metrics', async (_request, reply) => {
    reply.type(options.metrics.registry.contentType);
    return options.metrics.registry.metrics();
  });
}

export default fp(metrics, { name: 'metrics', fastify: '5.x' });
