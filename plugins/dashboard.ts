/** The Bull dashboard at /admin/queues, with every queue of every source. It has no authentication of its own: the scope's guard stands before it. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { Delivery } from '../lib/event.js';
import { redact } from '../lib/redact.js';

const BASE = '/admin/queues';

export interface DashboardOptions {
  /** Shows no buttons, and refuses what they would ask for. */
  readOnly: boolean;
  /** `REDACT`. */
  masked: ReadonlySet<string>;
}

export default async function dashboard(fastify: FastifyInstance, { readOnly, masked }: DashboardOptions) {
  const server = new FastifyAdapter();
  const shown = new Set<string>();
  const board = createBullBoard({
    queues: [...fastify.queues.values()].map(({ queue }) => show(queue)),
    serverAdapter: server,
    options: {
      uiConfig: {
        boardTitle: 'Hookline',
        showWorkers: false,
        miscLinks: [{ text: 'Overview and deliveries', url: '/admin' }],
      },
    },
  });
  server.setBasePath(BASE);
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', showNewShards);
    await scope.register(server.registerPlugin(), { prefix: BASE });
  });

  function show(queue: Queue<Delivery>): BullMQAdapter {
    shown.add(queue.name);
    const adapter = new BullMQAdapter(queue, { readOnlyMode: readOnly });
    adapter.setFormatter('data', (data: Delivery) => showDelivery(data, masked));
    return adapter;
  }

  /** A source may be spread over more queues while this runs; where Redis cannot say, those that are known are shown. */
  async function showNewShards(): Promise<void> {
    const sources = [...fastify.queues.values()];
    const shards = await Promise.all(sources.map((source) => source.shards().catch(() => [])));
    for (const { queue } of shards.flat()) if (!shown.has(queue.name)) board.addQueue(show(queue));
  }
}

/** The body as parsed JSON with credentials masked; a body that is no JSON is told by its length only. */
function showDelivery({ rawBody, ...rest }: Delivery, masked: ReadonlySet<string>): unknown {
  try {
    return { ...rest, body: redact(JSON.parse(rawBody), masked) };
  } catch {
    return { ...rest, body: `${rawBody.length} characters that are not JSON` };
  }
}
