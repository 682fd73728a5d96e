/** Alerts, dashboard and runbook speak of metrics that there are, and of each other. Whether they fire: `npm run test:alerts`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { writeTextfile } from '../../cli/endpoints/textfile.js';
import { Metrics } from '../../lib/metrics.js';
import { temporaryFolder } from '../support/store.js';

const read = (name: string) => readFile(path.join('deploy/observability', name), 'utf8');
const rules = await read('hookline.rules.yml');
const tests = await read('hookline.test.yml');
const dashboard = await read('grafana/dashboards/hookline.json');
const runbook = await readFile('docs/operating.md', 'utf8');

const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name]) => String(name));

/** Every name that something of Hookline tells, a histogram's three included. */
async function namesOf(t: Parameters<typeof temporaryFolder>[0]): Promise<Set<string>> {
  const metrics = new Metrics();
  metrics.watchQueues([]);
  metrics.watchOldest([], async () => 0);
  metrics.watchRedis({ info: async () => '' });
  metrics.watchOverload({ inFlight: 0, limit: 1 });
  metrics.watchSpool({ status: () => ({ state: 'ok', bytes: 0, events: 0, oldestSeconds: 0 }) });
  const textfile = path.join(await temporaryFolder(t), 'x.prom');
  await writeTextfile(textfile, [{ id: 'a', url: null, status: 'active' }]);
  const text = (await metrics.own()) + (await metrics.asked()) + (await readFile(textfile, 'utf8'));
  const names = Array.from(text.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  );
  return new Set(names.flat());
}

void t.test('every metric that is asked for is there', async (t) => {
  const names = await namesOf(t);
  const recorded = Array.from(rules.matchAll(/^ +- record: (\S+)$/gm), ([, name]) => String(name));
  t.equal(recorded.length, 3);
  for (const [where, text] of Object.entries({ rules, tests, dashboard })) {
    const asked = new Set(text.match(/(?:[a-z_]+:)?hookline_[a-z_]+(?::\w+)?/g));
    t.ok(asked.size > 5, where);
    for (const name of asked)
      t.ok(name.includes(':') ? recorded.includes(name) : names.has(name), `${where}: ${name}`);
  }
  for (const name of names)
    if (name.startsWith('hookline_'))
      t.ok(
        runbook.includes(name.replace(/_(?:bucket|sum|count)$/, '')),
        `docs/operating.md tells of ${name}`,
      );
});

/** What a story of hookline.test.yml expects of which alert, and when. */
function casesOf(story: string): Array<{ alert: string | undefined; minute: number; fires: boolean }> {
  const cases = story.split(/^ *- eval_time: /m).slice(1);
  return cases.map((text) => ({
    alert: /alertname: (\w+)$/m.exec(text)?.[1],
    minute: Number.parseInt(text, 10),
    fires: text.includes('exp_labels:'),
  }));
}

void t.test('each alert is tested both ways and has its runbook', async (t) => {
  t.ok(alerts.length >= 8, alerts.join());
  const stories = tests.split(/^ {2}- interval:/m).slice(1);
  for (const name of alerts) {
    const told = stories.map((story) => casesOf(story).filter((one) => one.alert === name));
    t.ok(
      told.flat().some(({ fires }) => fires),
      `${name} fires`,
    );
    for (const cases of told) {
      const first = cases.find(({ fires }) => fires);
      if (!first) continue;
      t.ok(
        cases.some(({ fires, minute }) => !fires && minute < first.minute),
        `${name} is quiet before`,
      );
      t.ok(
        cases.some(({ fires, minute }) => !fires && minute > first.minute),
        `${name} clears`,
      );
    }
    t.match(rules, `runbook: docs/operating.md#${name.toLowerCase()}\n`);
    const [, section = ''] = runbook.split(`\n### ${name}\n`);
    const about = section.split('\n### ')[0] ?? '';
    for (const part of ['**Means**', '**Look**', '**Do**']) t.ok(about.includes(part), `${name}: ${part}`);
  }
});

void t.test('what Redis holds is never summed over receivers', async (t) => {
  for (const [where, text] of Object.entries({ rules, dashboard }))
    for (const expression of text.split('\n'))
      if (/(?<!:)hookline_(?:queue|redis)_/.test(expression) && !expression.includes('label_values'))
        t.match(expression, /max by \([^)]*\) \(hookline_|record:/, `${where}: ${expression.trim()}`);
});

void t.test('the dashboard asks the source of data that is provisioned', async (t) => {
  const uid = /^ +uid: (\S+)$/m.exec(await read('grafana/provisioning/datasources/prometheus.yml'))?.[1];
  t.ok(uid);
  const asked = new Set(
    Array.from(dashboard.matchAll(/"type": "prometheus",\s+"uid": "(\w+)"/g), ([, asked]) => asked),
  );
  t.same([...asked], [uid]);
});
