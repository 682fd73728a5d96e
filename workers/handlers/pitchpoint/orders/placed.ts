import { defineHandler } from '../../../../lib/handler.js';

/** Where your own work on an order begins. Orders hold personal data and documents: keep them out of the log. */
export default defineHandler({
  source: 'pitchpoint',
  topic: 'orders/placed',
  handle(event, { log }) {
    log.info({ subTopic: event.subTopic, tenantId: event.tenantId }, 'order placed');
  },
});
