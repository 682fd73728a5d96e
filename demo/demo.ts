/**
 * `npm run demo`: everything at once on one machine. Starts the providers' stand-ins and a Hookline, sends every
 * sample event over real HTTP, prints what became of each, then goes on serving. `--once` ends instead.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger } from '../lib/logger.js';
import { loadSources } from '../lib/load-sources.js';
import { environment } from '../lib/settings/environment.js';
import { parseSettings, type Settings } from '../lib/settings/settings.js';
import { startPceSender } from '../senders/pce.js';
import { createPetstoreSender } from '../senders/petstore.js';
import { startPitchpointSender } from '../senders/pitchpoint.js';
import { startService, type Service } from '../service.js';
import { forget } from './forget.js';
import { runSteps, type Outcome } from './run-steps.js';
import { makeSteps, type Senders } from './steps.js';

const { values: options } = parseArgs({ options: { once: { type: 'boolean' }, help: { type: 'boolean' } } });

if (options.help) {
  console.log(
    'npm run demo [-- --once]\n\n  --once  end after the table: exit code 0 only if every line came out as expected',
  );
} else {
  process.exitCode = await demo(options.once === true);
}

async function demo(once: boolean): Promise<number> {
  const senders = {
    pitchpoint: await startPitchpointSender(),
    pce: await startPceSender({ basic: { user: 'pce', password: randomBytes(12).toString('hex') } }),
    petstore: createPetstoreSender({ secret: randomBytes(24).toString('hex') }),
  };
  const dataDir = await mkdtemp(path.join(tmpdir(), 'hookline-demo-'));
  const settings = await readSettings(senders, dataDir, once);
  let service: Service | undefined;
  try {
    service = await start(settings);
    const address = service.address ?? '';
    const outcomes = await runSteps(address, await makeSteps(senders));
    print(outcomes);
    const wrong = outcomes.filter(({ asExpected }) => !asExpected).length;
    const all = `${outcomes.length} lines`;
    console.log(
      wrong === 0
        ? `\nAll ${all} came out as expected.`
        : `\n${wrong} of ${all} did not come out as expected.`,
    );
    if (once) return wrong === 0 ? 0 : 1;
    console.log(`\nPage:      ${address}/admin\nMetrics:   ${address}/metrics\n\nCtrl-C ends it.`);
    await new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    return 0;
  } finally {
    await service?.close();
    await Promise.all(Object.values(senders).map((sender) => sender.close()));
    if (settings.REDIS_URL !== undefined) await forget(settings.REDIS_URL, settings.QUEUE_PREFIX);
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Settings that trust the stand-ins, with keys of their own in Redis, so that no other worker takes the events. */
async function readSettings(senders: Senders, dataDir: string, once: boolean): Promise<Settings> {
  return parseSettings(
    {
      REDIS_URL: environment['REDIS_URL'],
      EMBEDDED_STORE: environment['EMBEDDED_STORE'],
      DATA_DIR: dataDir,
      PORT: once ? '0' : environment['PORT'],
      QUEUE_PREFIX: `hookline-demo-${randomBytes(3).toString('hex')}`,
      LOG_LEVEL: environment['LOG_LEVEL'],
      ...senders.pitchpoint.environment,
      ...senders.pce.environment,
      ...senders.petstore.environment,
    },
    await loadSources(),
  );
}

/** Starts a Hookline; where its port is taken, on any free one. The table says what the log would: it is quiet. */
async function start(settings: Settings): Promise<Service> {
  const logger = createLogger(environment['LOG_LEVEL'] === undefined ? 'warn' : settings.LOG_LEVEL);
  const definitions = await loadSources();
  console.log(
    `Starting Hookline on ${settings.REDIS_URL === undefined ? 'the embedded store' : 'REDIS_URL'} …\n`,
  );
  const service = await startService({ settings, definitions, logger }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      console.log(`Port ${settings.PORT} is taken; taking any free one.\n`);
      return startService({ settings: { ...settings, PORT: 0 }, definitions, logger });
    },
  );
  if (environment['LOG_LEVEL'] === undefined) logger.level = 'fatal';
  return service;
}

function print(outcomes: Outcome[]): void {
  const rows = outcomes.map(({ step, answer, state, milliseconds, asExpected }) => [
    asExpected ? 'ok' : 'NOT',
    step.source,
    step.what,
    asExpected ? answer : `${answer} (expected ${step.answer})`,
    `${milliseconds.toFixed(1)} ms`,
    asExpected ? state : `${state} (expected ${step.state})`,
  ]);
  const table = [['', 'source', 'delivery', 'answer', 'after', 'became'], ...rows];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of table) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    console.log(cells.join('  ').trimEnd());
  }
}
