import { defineHandler } from '../../../lib/handler.js';
import { amount, envelope, order, text } from './_envelope.js';

/** Where your own work on a new order begins. */
export default defineHandler({
  source: 'petstore',
  topic: 'order.created',
  schema: envelope({ order, orderId: text, petId: text, totalAmount: amount, currency: text }),
  handle({ payload: { data } }, { log }) {
    log.info({ orderId: data.orderId ?? data.order?.id }, 'order.created');
  },
});
