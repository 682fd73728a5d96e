/** Does accepting slow down while many jobs wait? Two receivers, each with a Redis of its own, one of them full. */
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptOnce, startServer, type AcceptRun } from './accept.js';
import { JobQueue } from './jobs.js';
import { pitchpointTraffic } from './requests.js';
import type { Section } from './section.js';
import { ratios, spreadOf } from './stats.js';

export const backlogSection: Section = {
  name: 'accepting while jobs wait',
  async measure({ redisUrl, openStore, rounds, quick, waiting }) {
    const store = await openStore();
    const empty = new Redis(redisUrl);
    const full = new Redis(store.url);
    const traffic = await pitchpointTraffic(1.1 * 1024);
    const queue = new JobQueue(store.url, 'hookline');
    const servers = await Promise.all(
      [redisUrl, store.url].map((REDIS_URL) =>
        startServer('hookline', { REDIS_URL, ...traffic.environment }),
      ),
    );
    const runs: AcceptRun[][] = [[], []];
    try {
      await queue.fill(waiting);
      await settled(full);
      const options = { connections: 64, duration: quick ? 700 : 3_000, next: traffic.next };
      for (const server of servers) await acceptOnce(server, options);
      for (let round = 0; round < rounds; round += 1) {
        await empty.flushdb();
        // Who comes first changes, so that neither always follows the other.
        for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const server = servers[index];
          if (server) runs[index]?.push(await acceptOnce(server, options));
        }
      }
      const [none = [], some = []] = runs.map((list) => list.map(({ rate }) => rate));
      return {
        columns: {
          waiting: 'jobs waiting',
          rate: 'accepted/s',
          toNone: '÷ none',
          cpuMicros: 'CPU µs each',
          p99: 'p99 ms',
        },
        rows: [none, some].map((rate, index) => ({
          waiting: String(index === 0 ? 0 : waiting),
          rate: spreadOf(rate),
          toNone: ratios(rate, none),
          cpuMicros: spreadOf((runs[index] ?? []).map((run) => run.cpuMicros)),
          p99: spreadOf((runs[index] ?? []).map((run) => run.p99)),
        })),
      };
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
      await queue.close();
      empty.disconnect();
      full.disconnect();
      await traffic.close();
      await store.close();
    }
  },
};

/** Waits until Redis has rewritten its file: the copy that it makes for that slows down what comes meanwhile. */
async function settled(redis: Redis): Promise<void> {
  while (/aof_rewrite_(?:in_progress|scheduled):1/.test(await redis.info('persistence'))) await sleep(200);
}
