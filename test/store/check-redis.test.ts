import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t from 'tap';
import type { Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { checkPersistence } from '../../lib/store/check-redis.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { probe } from '../../lib/store/probe.js';
import { chooseUrl } from '../../lib/store/store-record.js';
import { noRedis, redisProgram } from '../support/redis-program.js';

const options = { skip: noRedis };
/** A user who may do everything but what a managed Redis forbids. */
const MANAGED = 'user managed on >secret ~* &* +@all -config';

void t.test('the embedded server gives no reason to warn', options, async (t) => {
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log: silentLog, kind: 'redis' });
  t.teardown(() => store.close());
  t.strictSame(await checkPersistence(connect(t, store.url)), []);
});

void t.test('the embedded WebAssembly keeps nothing', async (t) => {
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log: silentLog, kind: 'wasm' });
  t.teardown(() => store.close());
  t.match(await checkPersistence(connect(t, store.url)), [
    { setting: 'appendonly', message: /nothing is kept/ },
  ]);
});

void t.test('every setting that loses events is named, with what to do', options, async (t) => {
  const nothing = await start(t, ['appendonly no', 'save ""', 'maxmemory-policy allkeys-lru']);
  t.match(await checkPersistence(connect(t, nothing)), [
    { setting: 'maxmemory-policy', message: /is allkeys-lru.*Set maxmemory-policy to noeviction/ },
    { setting: 'appendonly', message: /nothing is kept on disk.*Set appendonly to yes/ },
  ]);

  const snapshots = await start(t, ['appendonly no', 'save 3600 1 300 100']);
  t.match(await checkPersistence(connect(t, snapshots)), [
    { setting: 'appendonly', message: /only snapshots are kept \(save 3600 1 300 100\)/ },
  ]);

  const unsynced = await start(t, ['appendonly yes', 'appendfsync no']);
  t.match(await checkPersistence(connect(t, unsynced)), [{ setting: 'appendfsync', message: /to everysec/ }]);
});

void t.test('where CONFIG is forbidden, INFO tells', options, async (t) => {
  const bad = await start(t, ['appendonly no', 'save ""', 'maxmemory-policy volatile-ttl', MANAGED]);
  const found = await checkPersistence(connect(t, managed(bad)));
  t.match(found, [
    { setting: 'maxmemory-policy', message: /volatile-ttl/ },
    { setting: 'appendonly', message: /snapshots/ },
  ]);

  const good = await start(t, ['appendonly yes', 'maxmemory-policy noeviction', MANAGED]);
  t.strictSame(await checkPersistence(connect(t, managed(good))), []);
});

void t.test('where INFO is forbidden too, nothing is said', options, async (t) => {
  const url = await start(t, ['appendonly no', `${MANAGED} -info`]);
  const redis = connect(t, managed(url));
  t.strictSame(await checkPersistence(redis), []);
});

void t.test('an old version', async (t) => {
  t.match(await checkPersistence(connect(t, await oldRedis(t, '6.0.16'))), [
    { setting: 'version', message: /6\.0\.16 is too old.*6\.2/ },
  ]);
  t.match(await checkPersistence(connect(t, await oldRedis(t, '5.0.14'))), [{ setting: 'version' }]);
  t.strictSame(await checkPersistence(connect(t, await oldRedis(t, '6.2.0'))), []);
  t.strictSame(await checkPersistence(connect(t, await oldRedis(t, '10.0.0'))), []);
});

void t.test('a connection that fails is an error', async (t) => {
  const redis = new Redis('redis://127.0.0.1:1', { retryStrategy: () => null });
  redis.on('error', () => {});
  await t.rejects(checkPersistence(redis), /closed/);
});

function connect(t: Test, url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => null, enableReadyCheck: false });
  t.teardown(() => redis.disconnect());
  return redis;
}

/** The same server for the user of `MANAGED`. */
function managed(url: string): string {
  return url.replace(/\/\/.*@/, '//managed:secret@');
}

/** Starts a server with these settings. */
async function start(t: Test, settings: string[]): Promise<string> {
  const dir = t.testdir();
  const url = await chooseUrl(dir);
  const { port, password } = new URL(url);
  const server = spawn(redisProgram ?? '', ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => server.kill('SIGKILL'));
  const basics = [`port ${port}`, 'bind 127.0.0.1', `requirepass ${password}`, `dir ${JSON.stringify(dir)}`];
  server.stdin.end([...basics, ...settings, ''].join('\n'));
  while ((await probe(url)) !== 'up') await sleep(20);
  return url;
}

/** No server of that age can be installed here: one that tells its version over the real protocol and knows nothing else. */
async function oldRedis(t: Test, version: string): Promise<string> {
  const server = net.createServer((socket) => {
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const info = `# Server\r\nredis_version:${version}\r\n`;
      for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        const isInfo = command?.toUpperCase() === 'INFO';
        socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : `-ERR unknown command '${command}'\r\n`);
      }
    });
  });
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `redis://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
