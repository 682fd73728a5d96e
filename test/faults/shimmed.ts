/**
 * A receiver on a disk that fails, or with a defect that the fault suite must find:
 * SHIM=full-disk | power-cut; DEFECT=no-sync | set-then-add.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { createLogger } from '../../lib/logger.js';
import { loadSources } from '../../lib/load-sources.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { dedupeKey, newJobId } from '../../lib/queue/names.js';
import { envelopeOf, toDelivery } from '../../lib/received.js';
import { UnavailableError } from '../../lib/errors.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { startService } from '../../service.js';
import { fullDisk, powerCutDisk } from './disks.js';

const { SHIM, DEFECT } = process.env;
const definitions = await loadSources();
const settings = parseSettings(process.env, definitions);
const logger = createLogger(settings.LOG_LEVEL);
if (DEFECT === 'set-then-add') rememberThenAdd();

const spoolFiles =
  SHIM === 'full-disk'
    ? fullDisk(path.join(settings.DATA_DIR, 'full'))
    : SHIM === 'power-cut'
      ? powerCutDisk({ sync: DEFECT !== 'no-sync' })
      : undefined;
const service = await startService({ settings, definitions, logger, ...(spoolFiles ? { spoolFiles } : {}) });
logger.info({ address: service.address }, 'hookline is up');
process.on('SIGTERM', () => void service.close().then(() => process.exit(0)));

/** The accept in two steps, as it is written most often: remember the id, then add the job. */
function rememberThenAdd(): void {
  DeliveryQueue.prototype.accept = async function (delivery, given) {
    const { id, topic } = envelopeOf(delivery);
    const jobId = given ?? newJobId(id);
    const { queue } = this;
    try {
      const { client } = queue.getBackend() as unknown as {
        client: Promise<{
          set(...args: unknown[]): Promise<unknown>;
          get(key: string): Promise<string | null>;
        }>;
      };
      const redis = await client;
      const key = `${queue.opts.prefix}:${queue.name}:seen:${dedupeKey(id)}`;
      const isNew = await redis.set(key, jobId, 'PX', 600_000, 'NX');
      if (!isNew && (await redis.get(key)) !== jobId) return { status: 'duplicate', jobId };
      await sleep(0);
      await queue.add(topic ?? '', 'body' in delivery ? toDelivery(delivery) : delivery, { jobId });
      return { status: 'accepted', jobId };
    } catch (error) {
      throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
    }
  };
}
