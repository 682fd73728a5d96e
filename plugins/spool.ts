/** Where deliveries are kept: in their queues, and on the local disk while Redis cannot take them. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Breaker } from '../lib/breaker.js';
import { Intake } from '../lib/intake.js';
import type { Metrics } from '../lib/metrics.js';
import type { Rate } from '../lib/settings/units.js';
import { Drain } from '../lib/spool/drain.js';
import type { SpoolFiles } from '../lib/spool/files.js';
import { SpoolError } from '../lib/spool/spool-error.js';
import { Spool, type SpoolStatus } from '../lib/spool/spool.js';

declare module 'fastify' {
  interface FastifyInstance {
    intake: Intake;
    spoolStatus: () => SpoolStatus;
  }
}

export interface SpoolPluginOptions {
  dataDir: string;
  prefix: string;
  /** Bytes; 0: no spool. */
  max: number;
  /** Milliseconds. */
  writeTimeout: number;
  drainRate: Rate;
  files: SpoolFiles | undefined;
  metrics: Metrics;
}

/** With these the disk may get well again, and until then Redis takes deliveries all the same. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

async function spool(fastify: FastifyInstance, options: SpoolPluginOptions) {
  const { queues, log } = fastify;
  const { drainRate, metrics, files, ...rest } = options;
  const shared = {
    log,
    onEvent: metrics.spoolEvent.bind(metrics),
    onSync: metrics.spoolSync.bind(metrics),
    ...(files ? { files } : {}),
  };
  const { opened, state } = await open();
  const intake = new Intake({ queues, breaker: new Breaker(), spool: opened });
  fastify.decorate('intake', intake);
  fastify.decorate('spoolStatus', () => opened?.status() ?? { state, bytes: 0, events: 0, oldestSeconds: 0 });
  if (!opened) return;

  metrics.watchSpool(opened);
  const drain = new Drain({
    ...shared,
    spool: opened,
    queue: (spooled) => intake.drain(spooled),
    queued: () => intake.queued,
    rate: drainRate,
  });
  fastify.addHook('onClose', async () => {
    await drain.stop();
    await opened.close();
  });

  async function open(): Promise<{ opened?: Spool; state: string }> {
    if (options.max === 0) return { state: 'off' };
    try {
      return { opened: await Spool.open({ ...rest, ...shared }), state: 'ok' };
    } catch (error) {
      if (!(error instanceof SpoolError && PASSING.has(error.code))) throw error;
      log.error({ reason: error.message }, 'there is no spool until the next start');
      return { state: `cannot open (${error.code})` };
    }
  }
}

export default fp(spool, { name: 'spool', dependencies: ['queues'], fastify: '5.x' });
