/** `/admin/api/overview`: how every source is, and how the last hour was, over all receivers. */
import type { FastifyInstance } from 'fastify';
import type { DeliveryStore } from '../lib/deliveries/store.js';
import { describeSources, type KnownSource } from '../lib/overview/overview.js';
import { joinSpools, type Figures } from '../lib/processes/figures.js';
import { overviewSchema, type Overview } from '../lib/overview/schema.js';
import { fromStore, toJsonSchema } from './admin-http.js';

export interface AdminOverviewOptions {
  store: DeliveryStore;
  sources: readonly KnownSource[];
  readOnly: boolean;
  /** Of all processes that share the port. */
  figures: () => Promise<Figures[]>;
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
      const figures = await options.figures();
      const spool = joinSpools(figures.flatMap(({ spool }) => spool ?? []));
      return {
        at: new Date().toISOString(),
        spool: spool.state === 'off' ? null : spool,
        readOnly: options.readOnly,
        sources: await fromStore(describeSources(options.store, options.sources)),
      };
    },
  );
}
