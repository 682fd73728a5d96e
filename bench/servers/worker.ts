/** Control: BullMQ's worker with a handler that does nothing, or tells when it was started. */
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { environment } from '../../lib/settings/environment.js';
import { KEPT, QUEUE } from '../jobs.js';
import { told } from './listen.js';

const tells = environment['BENCH_TELLS'] === 'yes';
const worker = new Worker(
  QUEUE,
  async () => {
    if (tells) process.send?.({ started: Number(process.hrtime.bigint()) / 1e6 });
  },
  {
    connection: new Redis(environment['REDIS_URL'] ?? '', { maxRetriesPerRequest: null }),
    prefix: environment['QUEUE_PREFIX'] ?? '',
    concurrency: Number(environment['WORKER_CONCURRENCY']),
    // What Hookline's workers keep.
    removeOnComplete: { age: 259_200, count: KEPT },
  },
);
await worker.waitUntilReady();
told(0);
