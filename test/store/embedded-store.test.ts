import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import t from 'tap';
import type { Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { findEmbeddedStore, openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { readRecord, recordPath } from '../../lib/store/store-record.js';
import { freePort } from '../process/relay.js';
import { ask, deadPid, endLeftOver, recordingLog, roundTrip, startOwner } from './helpers.js';
import { noRedis } from '../support/redis-program.js';

for (const kind of ['redis', 'wasm'] as const) {
  void t.test(kind, { skip: kind === 'redis' && noRedis }, async (t) => {
    void t.test(
      'BullMQ runs on it, a password guards it, and its record goes when it is closed',
      async (t) => {
        const dataDir = join(t.testdir(), 'a "new" folder');
        t.teardown(() => endLeftOver(dataDir));
        const log = recordingLog();
        const store = await openEmbeddedStore({ dataDir, log, kind });
        t.teardown(() => store.close());

        t.equal(store.kind, kind);
        t.equal(store.durable, kind === 'redis');
        t.strictSame(await roundTrip(store.url, { n: 1 }), { n: 1 });
        const warnings = log.lines.filter(({ level }) => level === 'warn');
        t.strictSame(
          warnings.map(({ message }) => /FORGETS IT ALL AT EXIT/.test(message)),
          kind === 'wasm' ? [true] : [],
        );
        t.notOk(JSON.stringify(log.lines).includes(new URL(store.url).password), 'no password is logged');

        const open = new URL(store.url);
        open.password = '';
        await t.rejects(ask(open.href, 'PING'), /NOAUTH/);

        const record = await readRecord(dataDir);
        t.match(record, { url: store.url, pid: process.pid, kind });
        t.equal((await stat(recordPath(dataDir))).mode & 0o777, 0o600);
        t.equal(await findEmbeddedStore(dataDir), store.url);

        await Promise.all([store.close(), store.close()]);
        await t.rejects(stat(recordPath(dataDir)), { code: 'ENOENT' });
        t.equal(await findEmbeddedStore(dataDir), undefined);
        await t.rejects(connect(store.url), { code: 'ECONNREFUSED' });
        t.notOk(
          log.lines.some(({ level }) => level === 'error'),
          'an end that was asked for is no error',
        );
      },
    );

    void t.test('a second opener shares it and leaves it alone', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const store = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      t.teardown(() => store.close());
      const second = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      t.match(second, { url: store.url, kind: 'shared', durable: kind === 'redis' });
      await second.close();

      const other = await startOwner(dataDir, kind);
      t.match(other, { url: store.url, kind: 'shared' }, 'a process of its own shares it too');
      await other.end();
      t.equal(await ask(store.url, 'PING'), 'PONG');
    });

    void t.test('it is shared with the process that runs it', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const owner = await startOwner(dataDir, kind);
      t.teardown(() => owner.end());
      const store = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      t.match(store, { url: owner.url, kind: 'shared' });
      t.equal(await findEmbeddedStore(dataDir), owner.url);
      t.strictSame(await roundTrip(store.url, { n: 2 }), { n: 2 });
    });

    void t.test('opened twice at the same instant it is one store', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const open = () => openEmbeddedStore({ dataDir, log: silentLog, kind });
      const stores = await Promise.all([open(), open(), open()]);
      t.teardown(() => Promise.all(stores.map((store) => store.close())));
      t.equal(new Set(stores.map(({ url }) => url)).size, 1);
      t.strictSame(stores.map((store) => store.kind).sort(), [kind, 'shared', 'shared'].sort());
    });

    void t.test('four processes at once, after one that died, run one store', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const pid = await deadPid();
      await writeFile(join(dataDir, 'store.lock'), `${pid} life unique`);
      const url = `redis://:secret@127.0.0.1:${await freePort()}`;
      await writeFile(recordPath(dataDir), JSON.stringify({ url, pid, kind }));
      const owners = await Promise.all([1, 2, 3, 4].map(() => startOwner(dataDir, kind)));
      t.teardown(() => Promise.all(owners.map((owner) => owner.end())));
      t.equal(new Set(owners.map(({ url }) => url)).size, 1);
      t.equal(owners.filter((owner) => owner.kind === kind).length, 1);
      t.equal(owners.filter((owner) => owner.kind === 'shared').length, 3);
    });

    void t.test('who shares it finds it again when its owner was restarted', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const first = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      const redis = new Redis(first.url, { retryStrategy: () => 20 });
      redis.on('error', () => {});
      t.teardown(() => redis.disconnect());
      t.equal(await redis.ping(), 'PONG');
      await first.close();
      const second = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      t.teardown(() => second.close());
      t.equal(second.url, first.url);
      t.equal(await redis.ping(), 'PONG');
    });

    void t.test('a port that is taken is replaced', async (t) => {
      const dataDir = t.testdir();
      t.teardown(() => endLeftOver(dataDir));
      const first = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      await first.close();
      await listen(t, Number(new URL(first.url).port));
      const second = await openEmbeddedStore({ dataDir, log: silentLog, kind });
      t.teardown(() => second.close());
      t.not(second.url, first.url);
      t.equal(await ask(second.url, 'PING'), 'PONG');
    });

    void t.test('a record that is stale is replaced', async (t) => {
      const silent = await listen(t, 0);
      const http = await listen(t, 0, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      const strangerFolder = t.testdir({ stranger: {}, data: {} });
      const stranger = await openEmbeddedStore({
        dataDir: join(strangerFolder, 'stranger'),
        log: silentLog,
        kind,
      });
      t.teardown(() => stranger.close());
      const ports = {
        'nothing there': await freePort(),
        'nothing answers': silent,
        'no Redis': http,
        'the Redis of another': new URL(stranger.url).port,
      };
      const records = Object.entries(ports).map(([name, port]) => [
        name,
        JSON.stringify({ url: `redis://:secret@127.0.0.1:${port}`, pid: process.pid, kind }),
      ]);
      for (const [name = '', content = ''] of [...records, ['no JSON', '{"url":'], ['no record', '{}']]) {
        const dataDir = join(strangerFolder, 'data', name);
        t.teardown(() => endLeftOver(dataDir));
        const setUp = await openEmbeddedStore({ dataDir, log: silentLog, kind });
        await setUp.close();
        await writeFile(recordPath(dataDir), content);
        t.equal(await findEmbeddedStore(dataDir), undefined, name);
        const store = await openEmbeddedStore({ dataDir, log: silentLog, kind });
        t.equal(store.kind, kind, name);
        t.equal(await findEmbeddedStore(dataDir), store.url, name);
        await store.close();
      }
      t.equal(await ask(stranger.url, 'PING'), 'PONG', 'the other Redis was left alone');
    });
  });
}

void t.test('the record of another owner is not removed', async (t) => {
  const dataDir = t.testdir();
  const store = await openEmbeddedStore({ dataDir, log: silentLog, kind: 'wasm' });
  const record = { url: store.url, pid: process.ppid, kind: 'wasm' as const };
  await writeFile(recordPath(dataDir), JSON.stringify(record));
  await store.close();
  t.strictSame(await readRecord(dataDir), record);
});

void t.test('without a server program on PATH, auto is wasm and redis says what to do', async (t) => {
  const dataDir = t.testdir();
  const env = { ...process.env, PATH: dataDir };
  const owner = await startOwner(dataDir, 'auto', env);
  t.teardown(() => owner.end());
  t.equal(owner.kind, 'wasm');
  await owner.end();
  await t.rejects(startOwner(dataDir, 'redis', env), /Install one, or set REDIS_URL/);
});

void t.test('with a server program on PATH, auto is redis', { skip: noRedis }, async (t) => {
  const dataDir = t.testdir();
  t.teardown(() => endLeftOver(dataDir));
  const store = await openEmbeddedStore({ dataDir, log: silentLog });
  t.equal(store.kind, 'redis');
  await store.close();
});

async function connect(url: string): Promise<void> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

/** A server that says nothing, unless told otherwise. */
async function listen(t: Test, port: number, onSocket = (_socket: net.Socket) => {}): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}
