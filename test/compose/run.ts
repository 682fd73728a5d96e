/**
 * Proves docker-compose.yml on a running Docker of this Linux machine: builds it, starts it with three workers,
 * sends deliveries of all three providers while Redis, the workers and the receiver are restarted and killed, and
 * checks that none that was answered 200 is lost.
 *
 *   npx tsx test/compose/run.ts [--keep]     DOCKER_HOST says which Docker; --keep leaves everything running
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../process/relay.js';
import { checkAnswers, checkStops, checkWorkers } from './checks.js';
import { CALM, DISTURBED, judge, type Phase } from './phases.js';
import { openProject } from './project.js';
import { startProviders, type Providers } from './providers.js';
import { buildStage } from './stage.js';
import { Traffic } from './traffic.js';

const WORKERS = 3;
/** Milliseconds. */
const READY_LIMIT = 120_000;

const keep = process.argv.includes('--keep');
const folder = await mkdtemp(path.join(tmpdir(), 'hookline-compose-'));
const stage = await buildStage(folder);
const port = await freePort();
const baseUrl = `http://127.0.0.1:${port}`;
const admin = {
  ADMIN_USER: 'operator',
  // With the characters that environment files treat in a way of their own.
  ADMIN_PASSWORD: `${randomBytes(9).toString('hex')}$HOME #1`,
};
const base = { PORT: String(port), ...admin };
await stage.configure(base);
const project = await openProject('hookline-check', stage);
const problems: string[] = [];
const rows: object[] = [];

try {
  // What an interrupted run left.
  await project.compose('down', '-v');
  // Brings the network, whose address of this machine the providers need.
  await project.compose('up', '-d', 'redis');
  const providers = await startProviders(await project.gateway());
  try {
    await prove(providers);
  } finally {
    await providers.close();
  }
} catch (error) {
  problems.push(String(error));
}
if (problems.length > 0) {
  const log = path.join(tmpdir(), 'hookline-check.log');
  await writeFile(log, await project.compose('logs', '--no-color').catch(String));
  console.log(`What the containers logged is in ${log}`);
}
if (keep) {
  const credentials = `${admin.ADMIN_USER}:${admin.ADMIN_PASSWORD}`;
  console.log(`Kept: ${baseUrl} ${credentials}\nEnd it: ${project.command} down -v`);
} else {
  await project.compose('down', '-v').catch((error: unknown) => problems.push(String(error)));
  await rm(folder, { recursive: true });
}
console.table(rows);
for (const problem of problems.slice(0, 20)) console.error(`✗ ${problem}`);
console.log(problems.length === 0 ? '✓ nothing lost' : `${problems.length} violations`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function prove(providers: Providers): Promise<void> {
  const settings = { ...base, ...providers.environment };
  const credentials = Buffer.from(`${admin.ADMIN_USER}:${admin.ADMIN_PASSWORD}`).toString('base64');
  const traffic = new Traffic({ baseUrl, admin: `Basic ${credentials}` }, providers);

  console.log('building and starting …');
  await start(settings, '--build');
  problems.push(...(await checkAnswers(traffic, providers)));
  await run(CALM, traffic);
  problems.push(...(await checkWorkers(project, WORKERS)));

  console.log('mounting handlers …');
  await start({ ...settings, HANDLERS_DIR: '/handlers' });
  for (const phase of DISTURBED) await run(phase, traffic);
  problems.push(...(await checkWorkers(project, WORKERS)), ...(await checkStops(project)));
}

async function start(settings: Record<string, string>, ...options: string[]): Promise<void> {
  await stage.configure(settings);
  await project.compose('up', '-d', ...options, '--scale', `worker=${WORKERS}`);
  await untilReady();
}

async function run(phase: Phase, traffic: Traffic): Promise<void> {
  console.log(`${phase.name}: ${phase.deliveries} deliveries …`);
  const sent = await traffic.send(phase.deliveries, () => phase.disturb(project));
  await untilReady();
  await traffic.follow(sent);
  const verdict = await judge(phase, sent, project);
  rows.push(verdict.row);
  problems.push(...verdict.problems);
}

/** Waits until the receiver could accept a delivery. */
async function untilReady(): Promise<void> {
  const deadline = Date.now() + READY_LIMIT;
  while (Date.now() < deadline) {
    const asked = fetch(`${baseUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    if (await asked.then(({ ok }) => ok).catch(() => false)) return;
    await wait(500);
  }
  throw new Error(`The receiver was not ready after ${READY_LIMIT / 1_000} s.`);
}
