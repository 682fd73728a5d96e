/** How long an answer takes at half of what the receiver could take, beside a server that only reads at the same rate. */
import { Redis } from 'ioredis';
import { acceptOnce, startServer } from './accept.js';
import { pitchpointTraffic } from './requests.js';
import type { Section } from './section.js';
import { ratios, spreadOf } from './stats.js';

const CONNECTIONS = 64;

export const halfLoadSection: Section = {
  name: 'accepting at half of its capacity',
  async measure({ redisUrl, rounds, quick }) {
    const duration = quick ? 700 : 3_000;
    const traffic = await pitchpointTraffic(1.1 * 1024);
    const redis = new Redis(redisUrl);
    const environment = { REDIS_URL: redisUrl, ...traffic.environment };
    const bare = await startServer('bare', environment);
    const hookline = await startServer('hookline', environment);
    const runs = {
      bare: { p50: [] as number[], p99: [] as number[] },
      hookline: { p50: [] as number[], p99: [] as number[] },
    };
    const rates: number[] = [];
    try {
      await redis.flushdb();
      const full = { connections: CONNECTIONS, duration, next: traffic.next };
      for (const server of [bare, hookline]) await acceptOnce(server, full);
      for (let round = 0; round < rounds; round += 1) {
        await redis.flushdb();
        // Measured each time: what the machine can do changes with what else it does.
        const rate = (await acceptOnce(hookline, full)).rate / 2;
        rates.push(rate);
        for (const [name, server] of [
          ['bare', bare],
          ['hookline', hookline],
        ] as const) {
          const { p50, p99 } = await acceptOnce(server, { ...full, rate });
          runs[name].p50.push(p50);
          runs[name].p99.push(p99);
        }
      }
    } finally {
      await Promise.all([bare.stop(), hookline.stop()]);
      redis.disconnect();
      await traffic.close();
    }
    return {
      columns: {
        server: 'server',
        rate: 'requests/s',
        p50: 'p50 ms',
        p99: 'p99 ms',
        p99ToBare: 'p99 ÷ bare',
      },
      rows: Object.entries(runs).map(([server, { p50, p99 }]) => ({
        server,
        rate: spreadOf(rates),
        p50: spreadOf(p50),
        p99: spreadOf(p99),
        p99ToBare: ratios(p99, runs.bare.p99),
      })),
    };
  },
};
