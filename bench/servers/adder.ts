/** Control: BullMQ alone adds jobs, one by one with 64 under way or in bulk, and tells what that took. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { environment } from '../../lib/settings/environment.js';
import { newDelivery, optionsOf, QUEUE } from '../jobs.js';
import { told } from './listen.js';

/** Asked for by message. */
export interface AddRequest {
  /** Jobs in one call: 1 is `add`, more is `addBulk`. */
  together: number;
  jobs: number;
}

/** The answer. */
export interface AddResult {
  seconds: number;
  cpuSeconds: number;
}

const UNDER_WAY = 64;

const queue = new Queue(QUEUE, {
  connection: new Redis(environment['REDIS_URL'] ?? '', { maxRetriesPerRequest: null }),
  prefix: environment['QUEUE_PREFIX'] ?? '',
});
await queue.waitUntilReady();

async function add({ together, jobs }: AddRequest): Promise<AddResult> {
  const made = Array.from({ length: jobs }, newDelivery).map((data) => ({
    name: data.topic ?? '',
    data,
    opts: optionsOf(data),
  }));
  let next = 0;
  const one = async () => {
    for (let job = made[next++]; job; job = made[next++]) await queue.add(job.name, job.data, job.opts);
  };
  const bulk = async () => {
    while (next < made.length) await queue.addBulk(made.slice(next, (next += together)));
  };
  const started = performance.now();
  const cpu = process.cpuUsage();
  await (together === 1 ? Promise.all(Array.from({ length: UNDER_WAY }, one)) : bulk());
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - started) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

process.on('message', (request: AddRequest) => {
  void add(request).then((result) => process.send?.(result));
});
told(0);
