import { defineHandler } from 'hookline';
import { shop } from '../shop-client.mjs';

/**
 * Has a bug: `customer` is not where it looks for it. Every event fails for good and stays. Mend it (the line below
 * says how), start again, and have the failed ones handled once more; what was done before the bug is not repeated.
 */
export default defineHandler({
  source: 'petstore',
  topic: 'payment.failed',
  attempts: 2,
  backoff: { type: 'fixed', delay: '100ms' },
  async handle({ id, payload: { data }, replay }, { step, log }) {
    if (replay) log.info({ replay: replay.count, by: replay.by }, 'once more');
    await step('note', ({ signal }) =>
      shop('PUT', `/orders/${data.orderId}`, { status: 'unpaid' }, { signal }),
    );
    const to = data.customer.email; // BUG: data.payment.customer.email
    await step('mail', ({ signal }) => shop('POST', '/mails', { to, about: id }, { signal }));
  },
});
