/** Tells whoever forked the worker when it was started, on the clock that all processes of a machine share. */
import { defineHandler } from '../../../lib/handler.js';

export default defineHandler({
  source: 'pitchpoint',
  topic: '*',
  async handle() {
    process.send?.({ started: Number(process.hrtime.bigint()) / 1e6 });
  },
});
