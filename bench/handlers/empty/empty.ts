/** Takes every event and does nothing: what is left is the worker's own cost. */
import { defineHandler } from '../../../lib/handler.js';

export default defineHandler({ source: 'pitchpoint', topic: '*', async handle() {} });
