/**
 * `npm run bench`: Hookline beside its controls, in the same run. Ratios are what counts; the rates are this
 * machine's. Uses a `redis-server` of its own where one is on PATH, else the embedded store.
 */
import { parseArgs } from 'node:util';
import { acceptSections } from './accept-sections.js';
import { addSection } from './add.js';
import { backlogSection } from './backlog.js';
import { enduranceSection } from './endurance.js';
import { halfLoadSection } from './half-load.js';
import { portsSection } from './ports.js';
import { redisSections } from './redis.js';
import { print } from './report.js';
import { scalingSection } from './scaling.js';
import type { Section, Table } from './section.js';
import { startDelaySection } from './start-delay.js';
import { openStores } from './stores.js';
import { workerSection } from './worker.js';

const SECTIONS: Section[] = [
  ...acceptSections,
  halfLoadSection,
  backlogSection,
  addSection,
  workerSection,
  startDelaySection,
  scalingSection,
  portsSection,
  ...redisSections,
  enduranceSection,
];

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    waiting: { type: 'string' },
    ids: { type: 'string' },
    concurrency: { type: 'string', default: '50' },
    minutes: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(
    'npm run bench [-- --quick] [--json] [--only TEXT] [--rounds N] [--waiting N] [--ids N] [--concurrency N]\n' +
      '              [--minutes N]\n\n' +
      '  --quick        fewer and shorter rounds, and not every section: a minute or so\n' +
      '  --json         the figures as JSON\n' +
      '  --only         sections whose name contains TEXT:\n' +
      SECTIONS.map(({ name }) => `                   ${name}\n`).join('') +
      '  --rounds       rounds of each section (default 5, quick 3)\n' +
      '  --waiting      jobs that wait while events are accepted (default 100000, quick 10000)\n' +
      '  --ids          webhook ids to remember (default 100000, quick 10000)\n' +
      '  --concurrency  handlers at once in each of several worker processes (default 50)\n' +
      '  --minutes      of steady load, to see what grows (default 2)',
  );
} else {
  await bench();
}

async function bench(): Promise<void> {
  const { quick, json, only } = options;
  const stores = await openStores();
  const tables: Record<string, Table> = {};
  try {
    const chosen = SECTIONS.filter(({ name, long }) => (only ? name.includes(only) : !(quick && long)));
    if (chosen.length === 0) throw new Error(`no section's name contains ${only}`);
    if (!json)
      console.log(`Store: ${stores.kind}. Medians of the rounds with their range; ratios within a round.`);
    for (const { name, measure } of chosen) {
      const table = await measure({
        redisUrl: stores.url,
        openStore: stores.another,
        rounds: Number(options.rounds ?? (quick ? 3 : 5)),
        quick,
        waiting: Number(options.waiting ?? (quick ? 10_000 : 100_000)),
        concurrency: Number(options.concurrency),
        minutes: Number(options.minutes),
        ids: Number(options.ids ?? (quick ? 10_000 : 100_000)),
      });
      tables[name] = table;
      if (!json) print(name, table);
    }
    if (json) console.log(JSON.stringify({ store: stores.kind, tables }, null, 2));
  } finally {
    await stores.close();
  }
}
