/** Several processes on one port: does the second receive as much as the first? */
import { measureAccept, type AcceptRun } from './accept.js';
import { pitchpointTraffic } from './requests.js';
import type { Section } from './section.js';
import { ratios, spreadOf } from './stats.js';

const COUNTS = ['1', '2'];

export const portsSection: Section = {
  name: 'receivers, several processes on one port',
  async measure({ redisUrl, rounds, quick }) {
    const lengths = quick ? { warmUp: 500, duration: 700 } : { warmUp: 1_000, duration: 2_500 };
    const runs = await measureAccept(
      {
        name: 'pitchpoint 1 kB, one token',
        traffic: () => pitchpointTraffic(1.1 * 1024),
        servers: COUNTS.map((count) => `hookline ${count}`),
        environments: Object.fromEntries(
          COUNTS.map((count) => [
            `hookline ${count}`,
            { RECEIVER_PROCESSES: count, QUEUE_PREFIX: `bench-${count}` },
          ]),
        ),
      },
      { redisUrl, rounds, connections: 64, ...lengths },
    );
    const of = (count: string, key: 'rate' | 'cpuMicros' | 'p99') =>
      (runs[`hookline ${count}`] ?? []).map((run: AcceptRun) => run[key]);
    return {
      columns: {
        processes: 'processes',
        rate: 'accepted/s',
        ofLinear: 'share of linear',
        cpuMicros: 'CPU µs each',
        cpuToOne: 'CPU ÷ one process',
        p99: 'p99 ms',
      },
      rows: COUNTS.map((count) => ({
        processes: count,
        rate: spreadOf(of(count, 'rate')),
        ofLinear: ratios(
          of(count, 'rate'),
          of('1', 'rate').map((one) => one * Number(count)),
        ),
        cpuMicros: spreadOf(of(count, 'cpuMicros')),
        cpuToOne: ratios(of(count, 'cpuMicros'), of('1', 'cpuMicros')),
        p99: spreadOf(of(count, 'p99')),
      })),
    };
  },
};
