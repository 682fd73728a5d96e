/** `/admin/api/replays` and `/admin/api/discards`: all that a filter matches, run in this process at a rate. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { preview } from '../lib/deliveries/bulk.js';
import { requireForce } from '../lib/deliveries/one.js';
import { SessionRunner } from '../lib/deliveries/runner.js';
import {
  ACTIONS,
  MAX_SERVER_RATE,
  bulkRequestSchema,
  previewSchema,
  sessionSchema,
  type BulkRequest,
} from '../lib/deliveries/schema.js';
import {
  createSession,
  listSessions,
  readSession,
  resumeSession,
  stopSession,
} from '../lib/deliveries/sessions.js';
import type { DeliveryStore } from '../lib/deliveries/store.js';
import { fromStore, operatorOf, toJsonSchema } from './admin-http.js';

/** Milliseconds for counting what matches, within one request. */
const COUNT_LIMIT = 2_000;
const MAX_LISTED = 100;

interface OneSession {
  Params: { id: string };
}

export default async function adminReplays(fastify: FastifyInstance, { store }: { store: DeliveryStore }) {
  const runner = new SessionRunner(store, fastify.log);
  fastify.addHook('onClose', () => runner.close());
  const session = toJsonSchema(sessionSchema);

  for (const action of ACTIONS) {
    fastify.post<{ Body: BulkRequest }>(
      `/admin/api/${action}s`,
      {
        onRequest: fastify.refuseWhileDraining,
        schema: {
          summary: `${action === 'replay' ? 'Replays' : 'Discards'} all that a filter matches: 202, or 200 with dryRun`,
          body: bulkRequestSchema,
          response: { 200: toJsonSchema(previewSchema), 202: session },
        },
      },
      async (request, reply) => {
        const { filter, rate, force, keepId, dryRun } = request.body;
        requireForce(filter.state, force);
        const { cutoff, total, first } = await fromStore(preview(store, filter, COUNT_LIMIT));
        if (dryRun) return { total, first };
        runner.requireRoom();
        const by = operatorOf(request);
        const started = await fromStore(
          createSession(store, { action, filter, by, rate, keepId, cutoff, total }),
        );
        runner.start(started);
        request.log.info({ audit: action, by, filter, rate, total, session: started.id }, 'operator');
        return reply.code(202).send(await fromStore(readSession(store, started.id)));
      },
    );
  }

  fastify.get(
    '/admin/api/replays',
    {
      schema: {
        summary: 'Replays and discards, the newest first',
        response: { 200: toJsonSchema(z.object({ sessions: z.array(sessionSchema) })) },
      },
    },
    async () => ({ sessions: await fromStore(listSessions(store, MAX_LISTED)) }),
  );

  fastify.get<OneSession>(
    '/admin/api/replays/:id',
    { schema: { summary: 'How far a replay or discard is', response: { 200: session } } },
    async ({ params }) => fromStore(readSession(store, params.id)),
  );

  fastify.post<OneSession>('/admin/api/replays/:id/stop', {
    schema: { summary: 'Stops a replay or discard', response: { 200: session } },
    handler: async (request) => {
      const stopped = await fromStore(stopSession(store, request.params.id));
      request.log.info({ audit: 'stop', by: operatorOf(request), session: stopped.id }, 'operator');
      return stopped;
    },
  });

  fastify.post<OneSession>(
    '/admin/api/replays/:id/resume',
    {
      onRequest: fastify.refuseWhileDraining,
      schema: { summary: 'Goes on with a replay or discard where it stopped', response: { 202: session } },
    },
    async (request, reply) => {
      runner.requireRoom();
      const resumed = await fromStore(resumeSession(store, request.params.id, { maxRate: MAX_SERVER_RATE }));
      runner.start(resumed);
      request.log.info({ audit: 'resume', by: operatorOf(request), session: resumed.id }, 'operator');
      return reply.code(202).send(await fromStore(readSession(store, resumed.id)));
    },
  );
}
