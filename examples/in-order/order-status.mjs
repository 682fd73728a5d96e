import { defineHandler } from 'hookline';
import { shop } from '../shop-client.mjs';

/**
 * Applies each change of an order, one at a time and in the order in which they were accepted, over all workers.
 * Other orders go on meanwhile, also while a change of this one fails and is tried again.
 */
export default defineHandler({
  source: 'petstore',
  topic: 'order.status_changed',
  serialBy: ({ payload: { data } }) => data.orderId ?? data.order?.id,
  attempts: 5,
  onDead: 'hold', // an order whose change failed for good waits for somebody; 'release' goes on without it
  async handle({ payload: { data } }, { signal }) {
    await shop('PUT', `/orders/${data.orderId}`, { status: data.newStatus }, { signal });
  },
});
