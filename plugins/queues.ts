/** One queue for every known source, enabled or not, so that the dashboard shows what a disabled one left. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { DeliveryQueue, type DeliveryQueueOptions } from '../lib/queue/delivery-queue.js';

declare module 'fastify' {
  interface FastifyInstance {
    queues: ReadonlyMap<string, DeliveryQueue>;
  }
}

export interface QueuesOptions extends Omit<DeliveryQueueOptions, 'redis' | 'log'> {
  names: string[];
}

async function queues(fastify: FastifyInstance, { names, ...options }: QueuesOptions) {
  const all = new Map(
    names.map((name) => [
      name,
      new DeliveryQueue(name, { ...options, redis: fastify.redis, log: fastify.log }),
    ]),
  );
  fastify.decorate('queues', all);
  fastify.addHook('onClose', async () => {
    await Promise.all([...all.values()].map((queue) => queue.close()));
  });
}

export default fp(queues, { name: 'queues', dependencies: ['redis'], fastify: '5.x' });
