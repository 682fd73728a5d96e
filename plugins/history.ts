/** Adds what this receiver counts to the history of the last hour, for the overview in /admin. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { HistoryWriter } from '../lib/overview/history.js';

/** Milliseconds. */
const EVERY = 5_000;

async function history(fastify: FastifyInstance, { keyPrefix }: { keyPrefix: string }) {
  const { redis, metrics, log } = fastify;
  const writer = new HistoryWriter({ redis, prefix: keyPrefix }, metrics.registry, log);
  const timer = setInterval(() => void writer.write(), EVERY).unref();
  fastify.addHook('onClose', async () => {
    clearInterval(timer);
    await writer.write();
  });
}

export default fp(history, { name: 'history', dependencies: ['metrics', 'redis'], fastify: '5.x' });
