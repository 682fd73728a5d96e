import { defineHandler } from '../../../lib/handler.js';
import { envelope, order, text } from './_envelope.js';

/** Also takes `order.statusChanged`, as the provider's reference spells it. */
export default defineHandler({
  source: 'petstore',
  topic: 'order.status_changed',
  schema: envelope({ order, orderId: text, oldStatus: text, previousStatus: text, newStatus: text }),
  handle({ payload: { data } }, { log }) {
    log.info(
      {
        orderId: data.orderId ?? data.order?.id,
        from: data.oldStatus ?? data.previousStatus,
        to: data.newStatus,
      },
      'order.status_changed',
    );
  },
});
