import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t from 'tap';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { PortTakenError } from '../../lib/store/store-server.js';
import { startValkeyWasm } from '../../lib/store/valkey-wasm.js';
import { ask, killHard, recordingLog, startOwner } from './helpers.js';

void t.test('it prints nothing, and hides no warning but its own', async (t) => {
  const owner = await startOwner(t.testdir(), 'wasm');
  t.teardown(() => owner.end());
  await ask(owner.url, 'PING');
  await owner.end();
  t.strictSame(JSON.parse(owner.output.stdout), { url: owner.url, kind: 'wasm' });
  t.match(owner.output.stderr, /a warning of its own/);
  t.notMatch(owner.output.stderr, /ExperimentalWarning/);
});

void t.test('its crash is logged once', async (t) => {
  const log = recordingLog();
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log, kind: 'wasm' });
  t.teardown(() => store.close());
  await t.rejects(ask(store.url, 'SHUTDOWN', 'NOSAVE'));
  while (!log.lines.some(({ level }) => level === 'error')) await sleep(20);
  await store.close();
  const errors = log.lines.filter(({ level }) => level === 'error');
  t.match(errors, [{ message: /ended unexpectedly/, fields: { err: Error } }]);
  t.equal(errors.length, 1);
});

void t.test('a port that was taken meanwhile is told from other failures', async (t) => {
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log: silentLog, kind: 'wasm' });
  t.teardown(() => store.close());
  await ask(store.url, 'SET', 'key', 'value');
  const taken = new URL(store.url);
  taken.password = 'another';
  const server = startValkeyWasm({ url: taken.href, log: silentLog });
  t.teardown(() => server.stop());
  await t.rejects(server.ready(), PortTakenError);
  t.equal(await ask(store.url, 'GET', 'key'), 'value', 'the other one keeps its password');
});

void t.test('it answers command by command at once, whatever their size', async (t) => {
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log: silentLog, kind: 'wasm' });
  t.teardown(() => store.close());
  const redis = new Redis(store.url);
  t.teardown(() => redis.disconnect());
  const before = Date.now();
  for (let n = 0; n < 200; n += 1) await redis.ping();
  for (const size of [1_000, 20_000, 40_000, 180_000, 1_000_000, 10_000_000]) {
    const value = Buffer.alloc(size, 'ab');
    for (let n = 0; n < 5; n += 1) await redis.set('key', value);
    t.ok(value.equals((await redis.getBuffer('key')) ?? Buffer.alloc(0)), `${size} bytes`);
  }
  // Left to itself the package takes 100 ms a command: 23 s in all. This takes half a second.
  t.ok(Date.now() - before < 15_000);
});

void t.test('after its process was killed, another starts', async (t) => {
  const dataDir = t.testdir();
  const owner = await startOwner(dataDir, 'wasm');
  await killHard(owner.process);
  const store = await openEmbeddedStore({ dataDir, log: silentLog, kind: 'wasm' });
  t.teardown(() => store.close());
  t.equal(store.kind, 'wasm');
  t.equal(await ask(store.url, 'PING'), 'PONG');
});
