/**
 * How often. Nobody who is authentic is ever refused for what others send from the same address: past the limit of
 * refused deliveries an address no longer makes us ask key servers for its sake, loses its connections and fills no
 * log. Why not `@fastify/rate-limit`: docs/decisions/0007-limits.md.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { addressKey } from '../lib/address.js';
import { UnavailableError } from '../lib/errors.js';
import { SharedCounter } from '../lib/limits/shared-counter.js';
import type { Rate } from '../lib/settings/units.js';

export interface RateLimitOptions {
  keyPrefix: string;
  /** Of refused deliveries, by address. */
  refusals: Rate;
  /** Of authentic deliveries, by source, where there is one. */
  sources: Record<string, Rate>;
}

declare module 'fastify' {
  interface FastifyInstance {
    rateLimits: {
      /** Have too many deliveries of this address been refused? */
      isSuspect(request: FastifyRequest): boolean;
      /**
       * Counts a refused delivery and tells its sender how many more there may be. Answers what is left to log:
       * `'all'` below the limit, `'limit'` where it is reached, `'nothing'` above.
       */
      countRefusal(request: FastifyRequest, reply: FastifyReply): 'all' | 'limit' | 'nothing';
      /** @throws {UnavailableError} when the source has a limit and has reached it */
      admit(source: string): void;
      /** A counter that ends with the app. */
      open(name: string, window: number): SharedCounter;
    };
  }
}

async function rateLimit(fastify: FastifyInstance, { keyPrefix, refusals, sources }: RateLimitOptions) {
  const open = (name: string, window: number): SharedCounter => {
    const prefix = `${keyPrefix}:limits:${name}`;
    const counter = new SharedCounter({ redis: fastify.redis, prefix, window, log: fastify.log });
    fastify.addHook('onClose', async () => counter.close());
    return counter;
  };
  const refused = open('refused', refusals.window);
  const accepted = new Map(
    Object.entries(sources).map(([name, rate]) => [
      name,
      { max: rate.max, counter: open(`source-${name}`, rate.window) },
    ]),
  );
  // draft-ietf-httpapi-ratelimit-headers-10
  const policy = `"refused";q=${refusals.max};w=${refusals.window / 1_000}`;

  fastify.decorate('rateLimits', {
    isSuspect: ({ ip }) => refused.count(addressKey(ip)) >= refusals.max,
    countRefusal({ ip }, reply) {
      const count = refused.add(addressKey(ip));
      const left = Math.max(0, refusals.max - count);
      reply.header('ratelimit-policy', policy);
      reply.header('ratelimit', `"refused";r=${left};t=${refused.resetsIn()}`);
      if (count < refusals.max) return 'all';
      reply.header('connection', 'close');
      return count === refusals.max ? 'limit' : 'nothing';
    },
    admit(source) {
      const limit = accepted.get(source);
      if (!limit || limit.counter.add('all') <= limit.max) return;
      const reason = new Error(`more than ${limit.max} deliveries: the rate limit that is set for ${source}`);
      throw new UnavailableError('HKL_ERR_OVERLOADED', reason, limit.counter.resetsIn());
    },
    open,
  });
}

export default fp(rateLimit, { name: 'rate-limit', dependencies: ['redis'], fastify: '5.x' });
