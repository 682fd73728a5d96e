/** Accepting as fast as it goes, beside a server that only reads, and beside what one writes first. */
import { measureAccept, type AcceptRun, type AcceptScenario } from './accept.js';
import { freshTokenTraffic, petstoreTraffic, pitchpointTraffic } from './requests.js';
import type { Section, Table } from './section.js';
import { ratios, spreadOf } from './stats.js';

const KB = 1024;

const SCENARIOS: Array<AcceptScenario & { long?: boolean }> = [
  {
    name: 'pitchpoint 1 kB, one token',
    traffic: () => pitchpointTraffic(1.1 * KB),
    servers: ['bare', 'hookline', 'naive', 'express'],
  },
  {
    name: 'pitchpoint 1 kB, a new token each',
    long: true,
    traffic: () => freshTokenTraffic(1.1 * KB),
    servers: ['bare', 'hookline'],
  },
  { name: 'petstore 8 kB', traffic: () => petstoreTraffic(8 * KB), servers: ['bare', 'hookline'] },
  {
    name: 'pitchpoint 25 kB, one token',
    long: true,
    traffic: () => pitchpointTraffic(25 * KB),
    servers: ['bare', 'hookline', 'naive'],
  },
  {
    name: 'pitchpoint 250 kB, one token',
    long: true,
    traffic: () => pitchpointTraffic(250 * KB),
    servers: ['bare', 'hookline', 'naive'],
  },
];

export const acceptSections: Section[] = SCENARIOS.map(({ long = false, ...scenario }) => ({
  name: scenario.name,
  long,
  async measure({ redisUrl, rounds, quick }) {
    const lengths = quick ? { warmUp: 500, duration: 700 } : { warmUp: 1_000, duration: 2_500 };
    return toTable(await measureAccept(scenario, { redisUrl, rounds, connections: 64, ...lengths }));
  },
}));

function toTable(runs: Record<string, AcceptRun[]>): Table {
  const bare = runs['bare'] ?? [];
  const of = (list: AcceptRun[], key: 'rate' | 'cpuMicros' | 'p50' | 'p99') => list.map((run) => run[key]);
  return {
    columns: {
      server: 'server',
      rate: 'accepted/s',
      toBare: '÷ bare',
      cpuMicros: 'CPU µs each',
      cpuToBare: 'CPU ÷ bare',
      p50: 'p50 ms',
      p99: 'p99 ms',
    },
    rows: Object.entries(runs).map(([server, list]) => ({
      server,
      rate: spreadOf(of(list, 'rate')),
      toBare: ratios(of(list, 'rate'), of(bare, 'rate')),
      cpuMicros: spreadOf(of(list, 'cpuMicros')),
      cpuToBare: ratios(of(list, 'cpuMicros'), of(bare, 'cpuMicros')),
      p50: spreadOf(of(list, 'p50')),
      p99: spreadOf(of(list, 'p99')),
    })),
  };
}
