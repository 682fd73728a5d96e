import { PermanentError, RetryLater, defineHandler } from 'hookline';
import { shop } from '../shop-client.mjs';

/** Asks a slow partner, who takes three requests at once and ten in a second, over all of our workers. */
export default defineHandler({
  source: 'petstore',
  topic: 'pet.adopted',
  concurrency: 3,
  rateLimit: { max: 10, per: '1s' },
  timeout: '5s',
  attempts: 20, // an attempt that ends in RetryLater counts as one
  backoff: { type: 'schedule', delays: ['1s', '5s', '1m', '10m'] },
  async handle({ payload: { data } }, { signal }) {
    try {
      await shop('POST', '/partner', { petId: data.petId }, { signal });
    } catch (error) {
      const after = error.headers?.get('retry-after');
      if (error.status === 429 && after) throw new RetryLater(Number(after) * 1_000, error.message);
      if (error.status === 400) throw new PermanentError(error.message); // it will not like it any better later
      throw error; // anything else: as the schedule says
    }
  },
});
