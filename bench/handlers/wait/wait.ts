/** Waits as for somebody else's service. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineHandler } from '../../../lib/handler.js';

export const WAIT = 50;

export default defineHandler({
  source: 'pitchpoint',
  topic: '*',
  async handle() {
    await sleep(WAIT);
  },
});
