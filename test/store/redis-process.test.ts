import { execFile } from 'node:child_process';
import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import type { Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { isAlive, signal } from '../../lib/store/processes.js';
import { probe } from '../../lib/store/probe.js';
import { spawnRedis } from '../../lib/store/redis-process.js';
import { readRecord, writeRecord } from '../../lib/store/store-record.js';
import { PortTakenError } from '../../lib/store/store-server.js';
import { ask, endLeftOver, killHard, recordingLog, roundTrip, startOwner } from './helpers.js';
import type { Owner } from './helpers.js';
import { noRedis, redisProgram } from '../support/redis-program.js';

const options = { skip: noRedis };

void t.test('what it kept is there after it was closed and opened again', options, async (t) => {
  const dataDir = folder(t);
  const first = await openEmbeddedStore({ dataDir, log: silentLog });
  await ask(first.url, 'SET', 'key', 'value');
  await first.close();
  const second = await openEmbeddedStore({ dataDir, log: silentLog });
  t.teardown(() => second.close());
  t.equal(second.kind, 'redis');
  t.equal(await ask(second.url, 'GET', 'key'), 'value');
});

void t.test('it runs with the settings that keep events', options, async (t) => {
  const { url } = await open(t, folder(t));
  for (const [name, value] of [
    ['appendonly', 'yes'],
    ['appendfsync', 'everysec'],
    ['maxmemory-policy', 'noeviction'],
    ['save', ''],
    ['bind', '127.0.0.1'],
  ] as const) {
    t.strictSame(await ask(url, 'CONFIG', 'GET', name), [name, value]);
  }
});

void t.test('no password on its command line, and a process group of its own', options, async (t) => {
  const dataDir = folder(t);
  const { url } = await open(t, dataDir);
  const pid = await storePid(dataDir);
  const shown = await promisify(execFile)('ps', ['-o', 'pgid=,args=', '-p', String(pid)]);
  t.match(shown.stdout.trim(), new RegExp(`^${pid} `));
  t.notMatch(shown.stdout, new URL(url).password);
});

void t.test(
  'the store of a killed process is taken over with its data, and ended at close',
  options,
  async (t) => {
    const dataDir = folder(t);
    const owner = await killedOwner(t, dataDir);
    const log = recordingLog();
    const store = await openEmbeddedStore({ dataDir, log });
    t.teardown(() => store.close());
    t.match(store, { url: owner.url, kind: 'redis', durable: true });
    t.match(log.lines, [{ level: 'warn', message: /Took over/ }]);
    t.equal(await ask(store.url, 'GET', 'key'), 'value');
    t.strictSame(await roundTrip(store.url, { n: 1 }), { n: 1 });
    t.match(await readRecord(dataDir), { pid: process.pid, storePid: owner.storePid });

    const shared = await openEmbeddedStore({ dataDir, log: silentLog });
    t.equal(shared.kind, 'shared', 'whoever comes next shares it');

    await store.close();
    t.equal(await probe(store.url), 'gone');
    t.equal(await readRecord(dataDir), undefined);
    t.notOk(log.lines.some(({ level }) => level === 'error'));
  },
);

void t.test('it is taken over too by a process that was given the same id', options, async (t) => {
  const dataDir = folder(t);
  const owner = await killedOwner(t, dataDir);
  await writeRecord(dataDir, { url: owner.url, pid: process.pid, storePid: owner.storePid, kind: 'redis' });
  const store = await openEmbeddedStore({ dataDir, log: silentLog });
  t.teardown(() => store.close());
  t.match(store, { url: owner.url, kind: 'redis' });
});

void t.test('the store of a killed process that does not answer is waited for', options, async (t) => {
  const dataDir = folder(t);
  const owner = await killedOwner(t, dataDir);
  signal(owner.storePid, 'SIGSTOP');
  t.teardown(() => signal(owner.storePid, 'SIGCONT'));
  t.equal(await probe(owner.url), 'silent');
  const opening = openEmbeddedStore({ dataDir, log: silentLog });
  await sleep(1_500);
  t.match(await readRecord(dataDir), { storePid: owner.storePid }, 'no second server was started');
  signal(owner.storePid, 'SIGCONT');
  const store = await opening;
  t.teardown(() => store.close());
  t.equal(store.url, owner.url);
  t.equal(await ask(store.url, 'GET', 'key'), 'value');
});

void t.test(
  'the store of a killed process that ended too is started anew with its data',
  options,
  async (t) => {
    const dataDir = folder(t);
    const owner = await killedOwner(t, dataDir);
    signal(owner.storePid, 'SIGKILL');
    while ((await probe(owner.url)) !== 'gone') await sleep(20);
    const { url } = await open(t, dataDir);
    t.not(await storePid(dataDir), owner.storePid);
    t.equal(await ask(url, 'GET', 'key'), 'value');
  },
);

void t.test('a process that ends without closing takes its store with it', options, async (t) => {
  const dataDir = folder(t);
  const owner = await startOwner(dataDir, 'redis');
  t.teardown(() => owner.end());
  const pid = await storePid(dataDir);
  owner.process.stdin?.write('leave');
  while ((await probe(owner.url)) !== 'gone') await sleep(20);
  t.pass(`process ${pid} ended`);
});

void t.test('an end that nobody asked for is logged with its last lines', options, async (t) => {
  const dataDir = folder(t);
  const log = recordingLog();
  const store = await openEmbeddedStore({ dataDir, log });
  t.teardown(() => store.close());
  const pid = await storePid(dataDir);
  signal(pid, 'SIGKILL');
  while (!log.lines.some(({ level }) => level === 'error')) await sleep(20);
  t.match(log.lines.at(-1), {
    level: 'error',
    message: /ended unexpectedly/,
    fields: { how: 'ended by SIGKILL', lastLines: [/.+/] },
  });
  await store.close();
  t.notOk(isAlive(pid));
});

void t.test('so is that of a store that was taken over', options, async (t) => {
  const dataDir = folder(t);
  const owner = await killedOwner(t, dataDir);
  const log = recordingLog();
  const store = await openEmbeddedStore({ dataDir, log });
  t.teardown(() => store.close());
  signal(owner.storePid, 'SIGKILL');
  while (!log.lines.some(({ level }) => level === 'error')) await sleep(20);
  t.match(log.lines.at(-1), { message: /ended unexpectedly/, fields: { pid: owner.storePid } });
});

void t.test('a damaged file stops the start with what to do and the last lines', options, async (t) => {
  const dataDir = folder(t);
  const first = await openEmbeddedStore({ dataDir, log: silentLog });
  await ask(first.url, 'SET', 'key', 'value');
  await first.close();
  const file = await appendOnlyFile(join(dataDir, 'store'));
  await appendFile(file, 'no command\r\n*1\r\n$4\r\nPING\r\n');
  await t.rejects(openEmbeddedStore({ dataDir, log: silentLog }), {
    message: /could not start: .* ended with exit code 1.*redis-check-aof.*\n.*Bad file format/s,
  });
  t.equal(await readRecord(dataDir), undefined);
  t.match(await readFile(file, 'utf8'), /value/, 'the file is left as it was');
  await rm(join(dataDir, 'store'), { recursive: true });
  await open(t, dataDir);
});

void t.test('a port that was taken meanwhile is told from other failures', options, async (t) => {
  const dataDir = folder(t);
  const { url } = await open(t, dataDir);
  const taken = new URL(url);
  taken.password = 'another';
  const server = spawnRedis({ program: redisProgram ?? '', dir: dataDir, url: taken.href, log: silentLog });
  await t.rejects(server.ready(), PortTakenError);
  await server.stop();
});

void t.test('a program that is not there', async (t) => {
  const url = 'redis://:secret@127.0.0.1:1';
  const server = spawnRedis({ program: 'no-such-program', dir: t.testdir(), url, log: silentLog });
  await t.rejects(server.ready(), /no-such-program .*ENOENT.*set REDIS_URL/s);
  await server.stop();
});

/** A data folder whose server is gone after the test, whatever happens. */
function folder(t: Test): string {
  const dataDir = t.testdir();
  t.teardown(() => endLeftOver(dataDir));
  return dataDir;
}

async function open(t: Test, dataDir: string): Promise<{ url: string }> {
  const store = await openEmbeddedStore({ dataDir, log: silentLog, kind: 'redis' });
  t.teardown(() => store.close());
  return store;
}

async function storePid(dataDir: string): Promise<number> {
  const pid = (await readRecord(dataDir))?.storePid;
  if (pid === undefined) throw new Error('no process is recorded');
  return pid;
}

/** Runs a store in another process, puts `key` into it, and kills that process only. */
async function killedOwner(t: Test, dataDir: string): Promise<Owner & { storePid: number }> {
  const owner = await startOwner(dataDir, 'redis');
  const pid = await storePid(dataDir);
  t.teardown(() => signal(pid, 'SIGKILL'));
  await ask(owner.url, 'SET', 'key', 'value');
  await killHard(owner.process);
  return { ...owner, storePid: pid };
}

/** The file that commands are appended to: one of several since Redis 7. */
async function appendOnlyFile(dir: string): Promise<string> {
  const names = await readdir(dir, { recursive: true });
  const name =
    names.find((name) => name.endsWith('.incr.aof')) ?? names.find((name) => name.endsWith('.aof'));
  return join(dir, name ?? '');
}
