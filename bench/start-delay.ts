/** From a delivery's first byte to its handler, where nothing else is to do; beside BullMQ's way from add to start. */
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { JobQueue, newDelivery, optionsOf } from './jobs.js';
import { startControl, startHookline, type Subject } from './processes.js';
import { pitchpointTraffic } from './requests.js';
import type { Section } from './section.js';
import { percentile, ratios, spreadOf } from './stats.js';
import { startWorker } from './worker.js';

/** Begins one event; the worker's message says when its handler was started. */
type Begin = () => void;

interface Delays {
  p50: number[];
  p99: number[];
}

export const startDelaySection: Section = {
  name: 'arrival to start of the handler, idle',
  async measure({ redisUrl, rounds, quick }) {
    const traffic = await pitchpointTraffic(1.1 * 1024);
    const redis = new Redis(redisUrl);
    await redis.flushdb();
    const own = { REDIS_URL: redisUrl, QUEUE_PREFIX: 'bench-hookline' };
    const bare = { REDIS_URL: redisUrl, QUEUE_PREFIX: 'bench-bullmq' };
    const receiver = await startHookline('receiver', { ...own, ...traffic.environment });
    const worker = await startWorker('tell', own);
    const control = await startControl('worker', { ...bare, WORKER_CONCURRENCY: '50', BENCH_TELLS: 'yes' });
    const queue = new JobQueue(redisUrl, bare.QUEUE_PREFIX);
    const socket = net.connect(receiver.port, '127.0.0.1').setNoDelay(true).resume();
    try {
      await once(socket, 'connect');
      const deliver: Begin = () => void socket.write(traffic.next());
      const add: Begin = () => {
        const delivery = newDelivery();
        void queue.queue.add(delivery.topic ?? '', delivery, optionsOf(delivery));
      };
      const samples = quick ? 50 : 300;
      const bullmq: Delays = { p50: [], p99: [] };
      const hookline: Delays = { p50: [], p99: [] };
      for (let round = -1; round < rounds; round += 1) {
        for (const [delays, begin, subject] of [
          [bullmq, add, control],
          [hookline, deliver, worker],
        ] as const) {
          const sorted = await sample(begin, subject, samples);
          if (round < 0) continue;
          delays.p50.push(percentile(sorted, 0.5));
          delays.p99.push(percentile(sorted, 0.99));
        }
      }
      return {
        columns: {
          from: 'from',
          p50: 'p50 ms',
          p99: 'p99 ms',
          p50ToControl: 'p50 ÷ BullMQ',
          p99ToControl: 'p99 ÷ BullMQ',
        },
        rows: [['bullmq: queue.add', bullmq] as const, ['hookline: request sent', hookline] as const].map(
          ([from, { p50, p99 }]) => ({
            from,
            p50: spreadOf(p50),
            p99: spreadOf(p99),
            p50ToControl: ratios(p50, bullmq.p50),
            p99ToControl: ratios(p99, bullmq.p99),
          }),
        ),
      };
    } finally {
      socket.destroy();
      await queue.close();
      await Promise.all([receiver, worker, control].map((subject) => subject.stop()));
      redis.disconnect();
      await traffic.close();
    }
  },
};

/** Milliseconds, sorted. */
async function sample(begin: Begin, worker: Subject, count: number): Promise<Float64Array> {
  const delays = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    const message = worker.message<{ started: number }>();
    const sent = Number(process.hrtime.bigint()) / 1e6;
    begin();
    delays[index] = (await message).started - sent;
    // Until everything is idle again, and not in step with anybody's timer.
    await sleep(4 + Math.random() * 8);
  }
  return delays.sort();
}
