/**
 * Proves the profile `observability` of docker-compose.yml on a running Docker of this Linux machine: its Prometheus
 * finds one receiver and two workers by itself, has the rules, counts what was sent, and has an answer for every
 * query of the dashboard. Grafana itself is not started.
 *
 *   npx tsx test/compose/observability.ts [--keep]     DOCKER_HOST says which Docker; --keep leaves everything running
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Checks } from '../admin/checks.js';
import { until } from '../support/deliveries.js';
import { freePort } from '../process/relay.js';
import { openProject } from './project.js';
import { openPrometheus, type Prometheus } from './prometheus.js';
import { startProviders, type Providers } from './providers.js';
import { buildStage } from './stage.js';
import { Traffic } from './traffic.js';

const WORKERS = 2;
const DELIVERIES = 240;
/** Milliseconds; containers start, and Prometheus asks for new ones and scrapes every 15 s. */
const PATIENCE = 180_000;
const SERVICES = ['redis', 'receiver', 'worker', 'prometheus'];

const keep = process.argv.includes('--keep');
const folder = await mkdtemp(path.join(tmpdir(), 'hookline-observability-'));
const stage = await buildStage(folder);
const [port, prometheusPort] = [await freePort(), await freePort()];
const password = randomBytes(12).toString('hex');
const base = {
  PORT: String(port),
  PROMETHEUS_PORT: String(prometheusPort),
  ADMIN_USER: 'operator',
  ADMIN_PASSWORD: password,
  HANDLERS_DIR: '/handlers',
};
await stage.configure(base);
const project = await openProject('hookline-observability', stage, ['observability']);
const checks = new Checks();

try {
  // What an interrupted run left.
  await project.compose('down', '-v');
  // Brings the network, whose address of this machine the providers need.
  await project.compose('up', '-d', 'redis');
  const providers = await startProviders(await project.gateway());
  try {
    console.log('building and starting …');
    await stage.configure({ ...base, ...providers.environment });
    await project.compose('up', '-d', '--build', '--scale', `worker=${WORKERS}`, ...SERVICES);
    const prometheus = openPrometheus(`http://127.0.0.1:${prometheusPort}`);
    await findsEverything(prometheus);
    const admin = `Basic ${Buffer.from(`operator:${password}`).toString('base64')}`;
    const traffic = new Traffic({ baseUrl: `http://127.0.0.1:${port}`, admin }, providers);
    // A rate needs a count that grows from one scrape to the next.
    for (const sent of [DELIVERIES / 2, DELIVERIES]) {
      checks.ok('a forgery is refused', await isRefused(traffic, providers));
      const answers = await traffic.send(DELIVERIES / 2, async () => {});
      checks.ok(
        'every delivery is accepted',
        answers.every(({ accepted }) => accepted),
      );
      await countsWhatWasSent(prometheus, sent);
    }
    await answersTheDashboard(prometheus);
  } finally {
    await providers.close();
  }
} catch (error) {
  checks.ok(String(error), false);
}
if (keep) console.log(`Kept: http://127.0.0.1:${prometheusPort}\nEnd it: ${project.command} down -v`);
else {
  await project.compose('down', '-v');
  await rm(folder, { recursive: true });
}
process.exitCode = checks.report() ? 0 : 1;

/** Every process by the service's name alone, however many there are; and every rule of the file. */
async function findsEverything(prometheus: Prometheus): Promise<void> {
  const up = async () => (await prometheus.values('sum by (role) (up{job="hookline"})')).join();
  await until(
    'every process to be scraped',
    async () => (await up().catch(String)) === `1,${WORKERS}`,
    PATIENCE,
  );
  for (const { labels, health, lastError } of await prometheus.targets())
    checks.same(`${labels['role']} ${labels['instance']} is up`, [health, lastError], ['up', '']);
  const rules = await prometheus.rules();
  const file = await readFile('deploy/observability/hookline.rules.yml', 'utf8');
  checks.same('every rule of the file is there', rules.length, file.match(/- (?:alert|record):/g)?.length);
  checks.same(
    'and none of them fails',
    rules.filter(({ lastError }) => lastError),
    [],
  );
}

async function isRefused(traffic: Traffic, providers: Providers): Promise<boolean> {
  return (await traffic.post(await providers.request('petstore', 0, 'signature'))).status === 401;
}

async function countsWhatWasSent(prometheus: Prometheus, sent: number): Promise<void> {
  const counts = {
    accepted: 'sum(hookline_deliveries_total{outcome="accepted"})',
    handled: 'sum(hookline_handler_attempts_total{outcome="completed"})',
    'completed jobs': 'sum(source_state:hookline_queue_jobs:max{state="completed"})',
  };
  const asked = async () =>
    Promise.all(Object.values(counts).map(async (query) => (await prometheus.values(query))[0]));
  await until('the counts', async () => (await asked()).every((n) => n === sent), PATIENCE).catch(() => {});
  checks.same(Object.keys(counts).join(', '), await asked(), [sent, sent, sent]);
  const busy = await prometheus.values('sum by (instance) (hookline_handler_seconds_count) > 0');
  checks.same('by all workers', busy.length, WORKERS);
}

/** Each query of each panel, as Grafana would send it, has an answer, and each panel has something to show. */
async function answersTheDashboard(prometheus: Prometheus): Promise<void> {
  const dashboard = JSON.parse(
    await readFile('deploy/observability/grafana/dashboards/hookline.json', 'utf8'),
  ) as { panels: Array<{ title: string; targets?: Array<{ expr: string }> }> };
  for (const { title, targets = [] } of dashboard.panels) {
    const found = [];
    for (const { expr } of targets) {
      const query = expr.replaceAll('$source', '.+').replaceAll('$__rate_interval', '5m');
      found.push((await prometheus.values(query)).filter(Number.isFinite).length);
    }
    if (found.length > 0) checks.ok(`panel ${title}: ${found.join(' + ')} series`, found.every(Boolean));
  }
}
