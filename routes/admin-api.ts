/** `/admin/api`: deliveries found, shown, replayed and discarded, for scripts and for the command line. */
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { readContent } from '../lib/deliveries/content.js';
import { describeDelivery } from '../lib/deliveries/describe.js';
import { operateOne } from '../lib/deliveries/one.js';
import {
  ACTIONS,
  contentSchema,
  deliverySchema,
  oneRequestSchema,
  searchPageSchema,
  searchSchema,
  sessionSchema,
  type OneRequest,
  type SearchQuery,
} from '../lib/deliveries/schema.js';
import { searchDeliveries } from '../lib/deliveries/search.js';
import { queueOf, type DeliveryStore } from '../lib/deliveries/store.js';
import { HooklineError } from '../lib/errors.js';
import type { KnownSource } from '../lib/overview/overview.js';
import type { Figures } from '../lib/processes/figures.js';
import adminOpenapi from './admin-openapi.js';
import { fromStore, operatorOf, refuseForeignPages, toJsonSchema, validateWith } from './admin-http.js';
import adminOverview from './admin-overview.js';
import adminReplays from './admin-replays.js';

export interface AdminApiOptions {
  /** First part of every Redis key. */
  keyPrefix: string;
  /** `REDACT`. */
  masked: ReadonlySet<string>;
  readOnly: boolean;
  sources: readonly KnownSource[];
  /** Of all processes that share the port. */
  figures: () => Promise<Figures[]>;
}

interface OneDelivery {
  Params: { source: string; id: string };
}

export default async function adminApi(fastify: FastifyInstance, options: AdminApiOptions) {
  const { keyPrefix: prefix, masked, readOnly, sources, figures } = options;
  const store: DeliveryStore = { redis: fastify.redis, prefix, queues: fastify.queues, masked };
  fastify.setValidatorCompiler(({ schema }) => validateWith(schema as unknown as z.ZodType));
  fastify.addHook('onRequest', refuseForeignPages);
  // First: it sees the routes that come after it.
  await fastify.register(adminOpenapi);
  await fastify.register(adminReplays, { store });
  await fastify.register(adminOverview, { store, sources, readOnly, figures });

  fastify.get<{ Querystring: SearchQuery }>(
    '/admin/api/deliveries',
    {
      schema: {
        summary: 'Finds deliveries: what has not ended first, then the newest',
        querystring: searchSchema,
        response: { 200: toJsonSchema(searchPageSchema) },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) =>
      fromStore(searchDeliveries(store, filter, { limit, cursor })),
  );

  fastify.get<OneDelivery>(
    '/admin/api/deliveries/:source/:id',
    {
      schema: {
        summary: 'What became of one delivery, by its webhook id',
        response: { 200: toJsonSchema(deliverySchema) },
      },
    },
    async ({ params }) => known(describeDelivery, params),
  );

  fastify.get<OneDelivery>(
    '/admin/api/deliveries/:source/:id/content',
    {
      schema: {
        summary: 'What one delivery says: headers and payload, masked',
        response: { 200: toJsonSchema(contentSchema) },
      },
    },
    async ({ params }) => known(readContent, params),
  );

  /** @throws {HooklineError} when there is no such source, or nothing is known of this id */
  async function known<Found>(
    find: (store: DeliveryStore, source: string, id: string) => Promise<Found | undefined>,
    { source, id }: OneDelivery['Params'],
  ): Promise<Found> {
    queueOf(store, source);
    const found = await fromStore(find(store, source, id));
    if (found === undefined) throw new HooklineError('HKL_ERR_UNKNOWN_DELIVERY');
    return found;
  }

  for (const action of ACTIONS) {
    fastify.post<OneDelivery & { Body: OneRequest }>(
      `/admin/api/deliveries/:source/:id/${action}`,
      {
        schema: {
          summary: `${action === 'replay' ? 'Replays' : 'Discards'} one delivery`,
          body: oneRequestSchema,
          response: { 200: toJsonSchema(sessionSchema) },
        },
      },
      async (request) => {
        const { params, body } = request;
        const by = operatorOf(request);
        const session = await fromStore(operateOne(store, { ...params, ...body, action, by }));
        request.log.info({ audit: action, by, ...params, ...body, session: session.id }, 'operator');
        return session;
      },
    );
  }
}
