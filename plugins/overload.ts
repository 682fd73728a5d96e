/**
 * Sheds load before the process falls over: past a limit a delivery is answered 503 + `Retry-After` before its body is
 * read. The cheapest question comes first, and none of them waits. Why not `@fastify/under-pressure`:
 * docs/decisions/0011-overload.md.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { FastifyInstance, onRequestHookHandler, preHandlerHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { UnavailableError } from '../lib/errors.js';
import type { Held } from '../lib/in-hand.js';
import type { Metrics } from '../lib/metrics.js';
import { Overload, type OverloadOptions, type ShedCause } from '../lib/overload.js';
import { DepthWatch } from '../lib/queue/depth-watch.js';
import { Resting } from '../lib/resting.js';
import { preparedAnswer } from './errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook for `/webhooks/:source`: has its queue room? */
    shedLoad: onRequestHookHandler;
    /** A `preHandler` hook: the body is there, and work begins. A sender that dribbles takes no room until then. */
    takeInHand: preHandlerHookHandler;
  }
}

export interface OverloadPluginOptions extends Omit<OverloadOptions, 'log'> {
  /** Jobs of a source that have not begun, from which on its deliveries are shed. */
  maxQueueDepth: number | undefined;
  metrics: Metrics;
}

interface Shedding {
  load: Overload;
  resting: Resting;
  /** Logs and counts what is turned away. */
  note: (cause: ShedCause) => void;
}

async function overload(fastify: FastifyInstance, options: OverloadPluginOptions) {
  const { maxQueueDepth, metrics, ...limits } = options;
  const load = new Overload({ ...limits, log: fastify.log });
  const depths = maxQueueDepth === undefined ? undefined : new DepthWatch(fastify.queues, maxQueueDepth);
  const resting = new Resting((milliseconds, count) => load.noteTurn(milliseconds, count));
  const note = (cause: ShedCause) => {
    load.noteShed(cause);
    metrics.shed(cause);
  };
  metrics.watchOverload(load);

  fastify.addHook('onReady', async () => shedBeforeFastify(fastify, { load, resting, note }));
  fastify.decorate('shedLoad', ({ params }, _reply, done) => {
    done(depths?.isFull((params as { source: string }).source) ? shed('queue-depth') : undefined);
  });
  const place: Held = { release: () => load.leave() };
  fastify.decorate('takeInHand', ({ work }, _reply, done) => {
    // Of those that came in together while there was room, not all may find it.
    const { cause } = load;
    if (cause) return done(shed(cause));
    load.enter();
    work.held.push(place);
    return done();
  });
  // Before what is in hand is waited for.
  fastify.addHook('preClose', async () => resting.close());
  fastify.addHook('onClose', async () => {
    load.close();
    depths?.close();
  });

  function shed(cause: ShedCause): UnavailableError {
    note(cause);
    return new UnavailableError('HKL_ERR_OVERLOADED', cause);
  }
}

/**
 * In overload most of the time goes into what is turned away, so this is done before Fastify makes anything of it. Its
 * connection rests then: an accepted delivery takes several turns of the event loop, and each lasts as long as all that
 * is turned away in it.
 */
function shedBeforeFastify({ server }: FastifyInstance, { load, resting, note }: Shedding): void {
  const answer = preparedAnswer(new UnavailableError('HKL_ERR_OVERLOADED'));
  const handlers = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const cause = isDelivery(request) ? causeToShed(request) : undefined;
    if (cause) {
      note(cause);
      answer(response);
      // The body of this one is to be read yet.
      if (load.wasFull) request.once('close', () => resting.rest(request.socket));
    } else for (const handle of handlers) handle.call(server, request, response);
  });

  function causeToShed({ socket }: IncomingMessage): ShedCause | undefined {
    return load.cause ?? (resting.hasWaited(socket) ? 'waited' : undefined);
  }
}

function isDelivery({ url }: IncomingMessage): boolean {
  return url?.startsWith('/webhooks/') ?? false;
}

export default fp(overload, { name: 'overload', dependencies: ['queues', 'limits'], fastify: '5.x' });
