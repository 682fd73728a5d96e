/** Accepting as fast as it goes, beside a server that only reads, and beside what one writes first. */
import { measureAccept, type AcceptRun, type AcceptScenario } from './accept.js';
import { comparison } from './comparison.js';
import { freshTokenTraffic, petstoreTraffic, pitchpointTraffic } from './requests.js';
import type { Section, Table } from './section.js';

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
  return comparison<'rate' | 'cpuMicros' | 'p50' | 'p99'>('server', runs, {
    control: 'bare',
    measures: [
      { key: 'rate', heading: 'accepted/s', ratio: '÷ bare' },
      { key: 'cpuMicros', heading: 'CPU µs each', ratio: 'CPU ÷ bare' },
      { key: 'p50', heading: 'p50 ms' },
      { key: 'p99', heading: 'p99 ms' },
    ],
  });
}
