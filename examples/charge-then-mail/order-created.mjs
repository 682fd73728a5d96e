import { defineHandler } from 'hookline';
import { shop } from '../shop-client.mjs';

/**
 * Charges, then mails. The mail server fails at first, so the event is tried again: the charge is not, since its
 * step is done and its result is kept with the event.
 */
export default defineHandler({
  source: 'petstore',
  topic: 'order.created',
  backoff: { type: 'fixed', delay: '1s' },
  async handle({ payload: { data } }, { step, log }) {
    const charge = await step('charge', ({ idempotencyKey, signal }) =>
      // Should this worker die after the charge and before it is kept, the step runs again: with the same key.
      shop(
        'POST',
        '/charges',
        { amount: data.amount },
        { signal, headers: { 'idempotency-key': idempotencyKey } },
      ),
    );
    await step('mail', ({ signal }) =>
      shop('POST', '/mails', { to: data.email, chargeId: charge.id }, { signal }),
    );
    log.info({ orderId: data.orderId, chargeId: charge.id }, 'charged and mailed');
  },
});
