import { defineHandler } from '../../../lib/handler.js';
import { amount, envelope, order, payment, text } from './_envelope.js';

/** Where you tell the buyer, or try another way to pay. */
export default defineHandler({
  source: 'petstore',
  topic: 'payment.failed',
  schema: envelope({ payment, paymentId: text, order, orderId: text, amount, currency: text, reason: text }),
  handle({ payload: { data } }, { log }) {
    log.info(
      {
        paymentId: data.paymentId ?? data.payment?.id,
        orderId: data.orderId ?? data.order?.id,
        reason: data.reason,
      },
      'payment.failed',
    );
  },
});
