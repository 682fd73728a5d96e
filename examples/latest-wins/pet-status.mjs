import { defineHandler } from 'hookline';
import { shop } from '../shop-client.mjs';

/**
 * Writes the whole state of a pet's order. Only the newest state matters, so one that comes late is not an error:
 * it ends as `stale`, and the newer one stays.
 */
export default defineHandler({
  source: 'petstore',
  topic: 'pet.status_changed',
  latestBy: ({ payload }) => ({ key: payload.data.petId, version: payload.timestamp }),
  rememberVersions: '90d', // longer than any event can be late
  async handle({ payload: { data, timestamp } }, { signal }) {
    await shop('PUT', `/orders/${data.petId}`, { status: data.newStatus, at: timestamp }, { signal });
  },
});
