/** Redis at start: not there yet, or set up so that it would lose events. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { until, untilState } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { noRedis, redisProgram } from '../support/redis-program.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { handlersFolder, readRuns, recorder } from './handlers.js';
import { freePort, listens, makeRelay } from './relay.js';
import { delivery, environmentOf, send } from './support.js';

t.setTimeout(240_000);

for (const ROLE of ['all', 'receiver']) {
  void t.test(`Redis is not there yet, ROLE=${ROLE}`, async (t) => {
    const store = await openStore(t);
    const relay = await makeRelay(t, store.url);
    const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
    const environment = environmentOf({ ...store, url: relay.url }, handlers);
    const hookline = await startHookline(t, { ...environment, ROLE });
    const ready = async () => {
      const answer = await fetch(`${hookline.address}/health/ready`);
      return (await answer.json()) as { status: string; parts: Record<string, string> };
    };

    t.equal((await fetch(`${hookline.address}/health/live`)).status, 200, 'it is up');
    t.match(await ready(), { status: 'ready', parts: { process: 'ok', redis: /unreachable/, spool: 'ok' } });
    const request = await delivery();
    const spooled = await send(hookline.address, request);
    t.equal(spooled.status, 200);
    t.match(JSON.parse(spooled.body), { status: 'spooled', id: request.id });
    const { hostname, port } = new URL(relay.url);
    t.notOk(JSON.stringify(await ready()).match(`${hostname}|${port}`), 'no word of where Redis is');

    await relay.open();
    await until('it to recover by itself', async () => (await ready()).parts['redis'] === 'ok');
    if (ROLE === 'receiver') await startHookline(t, { ...environment, ROLE: 'worker' });
    await untilState(hookline.address, 'petstore', request.id, 'completed');

    // The same again for a Redis that goes while the process runs.
    await relay.shut();
    await until('it to notice', async () => (await ready()).parts['redis'] !== 'ok');
    const second = await delivery();
    t.equal((await send(hookline.address, second)).status, 200);
    await relay.open();
    await until('it to notice again', async () => (await ready()).parts['redis'] === 'ok');
    await untilState(hookline.address, 'petstore', second.id, 'completed');
    t.same(
      await readRuns(handlers),
      [request, second].map(({ id }) => `${id} pet.adopted 1`),
    );
    t.equal(hookline.stderr(), '');
  });
}

/** A redis-server with settings of its own; it ends with the test. */
async function startRedis(t: Test, ...settings: string[]): Promise<string> {
  const port = await freePort();
  const dir = await temporaryFolder(t);
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...settings];
  const child = spawn(redisProgram ?? '', args, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await until('Redis to listen', () => listens(port));
  return `redis://127.0.0.1:${port}`;
}

void t.test('a Redis that would lose events', { skip: noRedis }, async (t) => {
  const handlers = await handlersFolder(t, {});
  const warnings = async (t: Test, ...settings: string[]) => {
    const url = await startRedis(t, ...settings);
    const { lines } = await startHookline(t, environmentOf({ url, prefix: 'test' }, handlers));
    return lines.filter(({ level }) => level === 40).map(({ setting }) => setting);
  };
  const bad = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'];
  const middling = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no'];
  const good = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  t.same(new Set(await warnings(t, ...bad)), new Set(['appendonly', 'maxmemory-policy']), 'each is named');
  t.same(await warnings(t, ...middling), ['appendfsync']);
  t.same(await warnings(t, ...good, '--maxmemory-policy', 'noeviction'), [], 'nothing to warn about');
});
