import { defineHandler } from '../../../lib/handler.js';

/** Takes every PCE notification that has no handler of its own. Its payload is the SNS message's `Message`. */
export default defineHandler({
  source: 'pce',
  topic: '*',
  handle(_event, { log }) {
    log.info({}, 'PCE notification');
  },
});
