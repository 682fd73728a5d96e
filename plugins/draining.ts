/** Between SIGTERM and the end, the listener stays open and tells senders to come again. */
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { UnavailableError } from '../lib/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    draining: { readonly active: boolean; start(): void };
    /** An `onRequest` hook: 503 + `Retry-After` while draining. */
    refuseWhileDraining: onRequestHookHandler;
  }
}

async function draining(fastify: FastifyInstance) {
  let active = false;
  fastify.decorate('draining', {
    get active() {
      return active;
    },
    start() {
      active = true;
    },
  });
  fastify.decorate('refuseWhileDraining', (_request, reply, done) => {
    if (!active) return done();
    // The next request of this sender should find another process.
    reply.header('connection', 'close');
    return done(new UnavailableError('HKL_ERR_SHUTTING_DOWN'));
  });
  // Whoever closes the app without draining first gets the same answers.
  fastify.addHook('preClose', async () => {
    active = true;
  });
}

export default fp(draining, { name: 'draining', fastify: '5.x' });
