import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { converse, NoAnswerError, probe } from '../../lib/store/probe.js';
import type { StoreState } from '../../lib/store/probe.js';
import { ask } from './helpers.js';
import { noRedis, redisProgram } from '../support/redis-program.js';

void t.test('a server that reads its file is loading, then up', { skip: noRedis }, async (t) => {
  const dataDir = t.testdir();
  const store = await openEmbeddedStore({ dataDir, log: silentLog });
  await ask(store.url, 'EVAL', 'for n = 1, 3000 do redis.call("SET", n, n) end', '0');
  await store.close();

  // The same files, read slowly: 1 ms a key. It answers after every 1,024 of them.
  const { port, password } = new URL(store.url);
  const server = spawn(redisProgram ?? '', ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => server.kill('SIGKILL'));
  server.stdin.end(
    `port ${port}\nbind 127.0.0.1\nrequirepass ${password}\ndir ${JSON.stringify(join(dataDir, 'store'))}\n` +
      'appendonly yes\nkey-load-delay 1000\n',
  );
  const seen = new Set<StoreState>();
  while (!seen.has('up')) {
    seen.add(await probe(store.url, 60_000));
    await sleep(10);
  }
  t.ok(seen.has('loading'));
  t.equal(await ask(store.url, 'DBSIZE'), 3_000);
});

void t.test('a server that takes no more connections is not gone', { skip: noRedis }, async (t) => {
  const store = await openEmbeddedStore({ dataDir: t.testdir(), log: silentLog, kind: 'redis' });
  t.teardown(() => store.close());
  const { port, password } = new URL(store.url);
  const socket = net.connect(Number(port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(`AUTH ${password}\r\n`);
  await once(socket, 'data');
  socket.write('CONFIG SET maxclients 1\r\n');
  await once(socket, 'data');
  t.equal(await probe(store.url), 'silent');
  socket.write('CONFIG SET maxclients 10\r\n');
  await once(socket, 'data');
  t.equal(await probe(store.url), 'up');
});

void t.test('a connection that is reset before an answer is not gone', async (t) => {
  const server = net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  t.equal(await probe(`redis://:secret@127.0.0.1:${port}`, 60_000), 'silent');
});

void t.test('what floods the connection is no Redis', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write('x'.repeat(1_000_000));
  });
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  t.equal(await probe(`redis://:secret@127.0.0.1:${port}`, 60_000), 'gone');
});

void t.test('no answer in time is told from a refusal', async (t) => {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  await t.rejects(converse(`redis://127.0.0.1:${port}`, 'PING', 50), NoAnswerError);
  await t.rejects(converse('redis://127.0.0.1:1', 'PING', 1_000), { code: 'ECONNREFUSED' });
});
