/**
 * `npm run bench`: Hookline beside its controls, in the same run. Ratios are what counts; the rates are this
 * machine's. Uses a `redis-server` of its own where one is on PATH, else the embedded store.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { silentLog } from '../lib/log.js';
import { openEmbeddedStore } from '../lib/store/embedded-store.js';
import { measureAccept, type AcceptRun, type AcceptScenario } from './accept.js';
import { freshTokenTraffic, petstoreTraffic, pitchpointTraffic } from './requests.js';
import { ratios, spreadOf, type Spread } from './stats.js';

const KB = 1024;

const SCENARIOS: AcceptScenario[] = [
  {
    name: 'pitchpoint 1 kB, one token',
    traffic: () => pitchpointTraffic(1.1 * KB),
    servers: ['bare', 'hookline', 'naive', 'express'],
  },
  {
    name: 'pitchpoint 1 kB, a new token each',
    traffic: () => freshTokenTraffic(1.1 * KB),
    servers: ['bare', 'hookline'],
  },
  { name: 'petstore 8 kB', traffic: () => petstoreTraffic(8 * KB), servers: ['bare', 'hookline'] },
  {
    name: 'pitchpoint 25 kB, one token',
    traffic: () => pitchpointTraffic(25 * KB),
    servers: ['bare', 'hookline', 'naive'],
  },
  {
    name: 'pitchpoint 250 kB, one token',
    traffic: () => pitchpointTraffic(250 * KB),
    servers: ['bare', 'hookline', 'naive'],
  },
];

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    help: { type: 'boolean' },
  },
});

if (options.help) {
  console.log(
    'npm run bench [-- --quick] [--json] [--only TEXT] [--rounds N]\n\n' +
      '  --quick   fewer and shorter rounds: about a minute\n' +
      '  --json    the figures as JSON\n' +
      '  --only    scenarios whose name contains TEXT\n' +
      '  --rounds  rounds of each scenario (default 5, quick 3)',
  );
} else {
  await bench();
}

interface Row {
  scenario: string;
  server: string;
  rate: Spread;
  toBare: Spread;
  cpuMicros: Spread;
  cpuToBare: Spread;
  p50: number;
  p99: number;
}

async function bench(): Promise<void> {
  const quick = options.quick === true;
  const dataDir = await mkdtemp(path.join(tmpdir(), 'hookline-bench-'));
  const store = await openEmbeddedStore({ dataDir, log: silentLog });
  try {
    const rows: Row[] = [];
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only ?? ''))) {
      if (!options.json) console.log(`${scenario.name} …`);
      const runs = await measureAccept(scenario, {
        redisUrl: store.url,
        rounds: Number(options.rounds ?? (quick ? 3 : 5)),
        duration: quick ? 1_000 : 4_000,
        connections: 64,
      });
      rows.push(...toRows(scenario.name, runs));
    }
    if (options.json) console.log(JSON.stringify({ store: store.kind, rows }, null, 2));
    else print(rows, store.kind);
  } finally {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function toRows(scenario: string, runs: Record<string, AcceptRun[]>): Row[] {
  const bare = runs['bare'] ?? [];
  const of = (list: AcceptRun[], key: 'rate' | 'cpuMicros' | 'p50' | 'p99') => list.map((run) => run[key]);
  return Object.entries(runs).map(([server, list]) => ({
    scenario,
    server,
    rate: spreadOf(of(list, 'rate')),
    toBare: ratios(of(list, 'rate'), of(bare, 'rate')),
    cpuMicros: spreadOf(of(list, 'cpuMicros')),
    cpuToBare: ratios(of(list, 'cpuMicros'), of(bare, 'cpuMicros')),
    p50: spreadOf(of(list, 'p50')).median,
    p99: spreadOf(of(list, 'p99')).median,
  }));
}

function print(rows: Row[], store: string): void {
  const range = ({ median, min, max }: Spread, digits: number) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  console.log(
    `\nStore: ${store}. Medians of the rounds with their range; ratios are to bare Fastify in the same round.\n`,
  );
  console.table(
    rows.map((row) => ({
      scenario: row.scenario,
      server: row.server,
      'accepted/s': Math.round(row.rate.median),
      '÷ bare': range(row.toBare, 2),
      'CPU µs each': Math.round(row.cpuMicros.median),
      'CPU ÷ bare': range(row.cpuToBare, 2),
      'p50 ms': row.p50.toFixed(1),
      'p99 ms': row.p99.toFixed(1),
    })),
  );
}
