/** `/admin/api/overview`: how every source is, and how the last hour was, over all receivers. */
import type { FastifyInstance } from 'fastify';
import type { DeliveryStore } from '../lib/deliveries/store.js';
import { describeSources, type KnownSource } from '../lib/overview/overview.js';
import { overviewSchema, type Overview } from '../lib/overview/schema.js';
import { fromStore, toJsonSchema } from './admin-http.js';

export interface AdminOverviewOptions {
  store: DeliveryStore;
  sources: readonly KnownSource[];
  readOnly: boolean;
}

export default async function adminOverview(fastify: FastifyInstance, options: AdminOverviewOptions) {
  fastify.get(
    '/admin/api/overview',
    {
      schema: {
        summary: 'How every source is, and how the last hour was',
        response: { 200: toJsonSchema(overviewSchema) },
      },
    },
    async (): Promise<Overview> => {
      const spool = fastify.spoolStatus();
      return {
        at: new Date().toISOString(),
        spool: spool.state === 'off' ? null : spool,
        readOnly: options.readOnly,
        sources: await fromStore(describeSources(options.store, options.sources)),
      };
    },
  );
}
