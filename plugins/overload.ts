/**
 * Sheds load before the process falls over: past a limit a delivery is answered 503 + `Retry-After` before its body is
 * read. The cheapest question comes first, and none of them waits. Why not `@fastify/under-pressure`:
 * docs/decisions/0011-overload.md.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { UnavailableError } from '../lib/errors.js';
import { InHand } from '../lib/in-hand.js';
import type { Metrics } from '../lib/metrics.js';
import { Overload, type OverloadOptions, type ShedCause } from '../lib/overload.js';
import { DepthWatch } from '../lib/queue/depth-watch.js';

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook for `/webhooks/:source`: is there room for one more? */
    shedLoad: Hook;
    /** A `preHandler` hook: the body is there, and work begins. A sender that dribbles takes no room until then. */
    takeInHand: Hook;
  }
}

export interface OverloadPluginOptions extends Omit<OverloadOptions, 'log'> {
  /** Jobs of a source that have not begun, from which on its deliveries are shed. */
  maxQueueDepth: number | undefined;
  metrics: Metrics;
}

async function overload(fastify: FastifyInstance, options: OverloadPluginOptions) {
  const { maxQueueDepth, metrics, ...limits } = options;
  const load = new Overload({ ...limits, log: fastify.log });
  const depths = maxQueueDepth === undefined ? undefined : new DepthWatch(fastify.queues, maxQueueDepth);
  const inHand = new InHand();
  metrics.watchOverload(load);

  fastify.decorate('shedLoad', async ({ params }) => {
    const { source } = params as { source: string };
    const cause = load.cause ?? (depths?.isFull(source) ? 'queue-depth' : undefined);
    if (cause) throw shed(source, cause);
  });
  fastify.decorate('takeInHand', async ({ params, raw }, reply) => {
    // Of those that came in together while there was room, not all may find it.
    const { cause } = load;
    if (cause) throw shed((params as { source: string }).source, cause);
    load.enter();
    inHand.add(raw.socket, reply.raw, () => load.leave());
  });
  fastify.addHook('onClose', async () => {
    load.close();
    depths?.close();
  });

  function shed(source: string, cause: ShedCause): UnavailableError {
    load.noteShed(cause);
    // Nobody is known by that name: a stranger must not make series.
    metrics.shed(fastify.sources.has(source) ? source : 'unknown', cause);
    return new UnavailableError('HKL_ERR_OVERLOADED', cause);
  }
}

export default fp(overload, { name: 'overload', dependencies: ['queues', 'sources'], fastify: '5.x' });
