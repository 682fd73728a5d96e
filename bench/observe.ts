/**
 * `npm run bench:observe`: what it costs the accept path to be looked at. Hookline without metrics, logs and traces;
 * with metrics and a line for each delivery; with traces of 1 % too. Ratios round by round, there and back. The second is
 * measured twice: how far that is from 1 is what the machine's noise makes of everything here.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { silentLog } from '../lib/log.js';
import { openEmbeddedStore } from '../lib/store/embedded-store.js';
import { measureAccept, type AcceptRun } from './accept.js';
import { pitchpointTraffic } from './requests.js';
import { ratios, spreadOf, type Spread } from './stats.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } },
});

const BODY = 1.1 * 1024;

/** A collector that takes all and keeps nothing. */
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.end());
}).listen(0, '127.0.0.1');
await once(collector, 'listening');

const dataDir = await mkdtemp(path.join(tmpdir(), 'hookline-bench-'));
const store = await openEmbeddedStore({ dataDir, log: silentLog });
try {
  const runs = await measureAccept(
    {
      name: 'observed',
      traffic: () => pitchpointTraffic(BODY),
      servers: ['dark', 'hookline', 'hookline traced', 'hookline again'],
      environments: {
        hookline: { LOG_LEVEL: 'info' },
        'hookline again': { LOG_LEVEL: 'info' },
        'hookline traced': {
          LOG_LEVEL: 'info',
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
          OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
          OTEL_TRACES_SAMPLER_ARG: '0.01',
        },
      },
    },
    {
      redisUrl: store.url,
      rounds: Number(options.rounds ?? 15),
      duration: Number(options.seconds ?? 3) * 1_000,
      connections: 64,
    },
  );
  report(runs, store.kind);
} finally {
  await store.close();
  await rm(dataDir, { recursive: true, force: true });
  collector.closeAllConnections();
  collector.close();
}

function report({ dark = [], hookline = [], ...rest }: Record<string, AcceptRun[]>, kind: string): void {
  const traced = rest['hookline traced'] ?? [];
  const rows = [
    compare('metrics and logs ÷ none', hookline, dark),
    compare('traces of 1 % ÷ none', traced, hookline),
    compare('noise: the same ÷ itself', rest['hookline again'] ?? [], hookline),
  ];
  if (options.json) return console.log(JSON.stringify({ store: kind, rows }, null, 2));
  const show = ({ median, min, max }: Spread, digits = 3) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  console.log(`Store: ${kind}. Medians of ${dark.length} rounds with their range.\n`);
  console.table(
    rows.map(({ what, rate, without, toWithout, cpuToWithout }) => ({
      what,
      'accepted/s': Math.round(rate.median),
      'without/s': Math.round(without.median),
      'rate ÷': show(toWithout),
      'CPU each ÷': show(cpuToWithout),
    })),
  );
}

function compare(what: string, subject: AcceptRun[], control: AcceptRun[]) {
  const of = (runs: AcceptRun[], key: 'rate' | 'cpuMicros') => runs.map((run) => run[key]);
  return {
    what,
    rate: spreadOf(of(subject, 'rate')),
    without: spreadOf(of(control, 'rate')),
    toWithout: ratios(of(subject, 'rate'), of(control, 'rate')),
    cpuToWithout: ratios(of(subject, 'cpuMicros'), of(control, 'cpuMicros')),
  };
}
