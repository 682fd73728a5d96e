import { defineHandler } from '../../../lib/handler.js';
import { amount, envelope, order, payment, text } from './_envelope.js';

/** Money: make what you do here safe to repeat, since an attempt that fails half-way runs again. */
export default defineHandler({
  source: 'petstore',
  topic: 'payment.succeeded',
  schema: envelope({ payment, paymentId: text, order, orderId: text, amount, currency: text }),
  handle({ payload: { data } }, { log }) {
    log.info(
      { paymentId: data.paymentId ?? data.payment?.id, orderId: data.orderId ?? data.order?.id },
      'payment.succeeded',
    );
  },
});
