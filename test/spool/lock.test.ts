/** A slot has one holder: processes that share a folder each get their own, and what the dead left is found. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import t, { type Test } from 'tap';
import { takeSlot } from '../../lib/spool/slot-lock.js';
import { until } from '../support/deliveries.js';
import { temporaryFolder } from '../support/store.js';
import { openSpool, segmentsOf, startDrain } from './support.js';

/** A process that opens a spool, appends what it reads line by line, and says so. */
async function startWriter(t: Test, dataDir: string): Promise<{ child: ChildProcess; acks: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/spool/writer.ts', dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const acks: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    acks.push(...lines);
  });
  await until('the writer to be up', () => acks.shift() === 'up');
  return { child, acks };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

void t.test('of many that come at once, one holds it', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const folder = await temporaryFolder(t);
    const locks = await Promise.all(Array.from({ length: 6 }, () => takeSlot(folder)));
    const held = locks.filter((lock) => lock !== undefined);
    if (held.length > 1) t.fail(`${held.length} hold it`);
    await Promise.all(held.map((lock) => lock.release()));
    const next = await takeSlot(folder);
    t.ok(next, 'once it is released it can be taken');
    await next?.release();
    t.same(await readdir(folder), []);
  }
});

void t.test('the killed hold nothing, the frozen still do', async (t) => {
  const dataDir = await temporaryFolder(t);
  const { child } = await startWriter(t, dataDir);
  const folder = path.join(dataDir, 'spool', 'test-0');
  child.kill('SIGSTOP');
  t.equal(await takeSlot(folder), undefined, 'frozen');
  await kill(child);
  const lock = await takeSlot(folder);
  t.ok(lock, 'dead');
  t.equal(
    (await readdir(folder)).filter((name) => name.startsWith('lock-')).length,
    1,
    'its socket is removed',
  );
  await lock?.release();
});

void t.test('two on one folder: each its own slot, and the second finds what the first left', async (t) => {
  const dataDir = await temporaryFolder(t);
  const { child, acks } = await startWriter(t, dataDir);
  child.stdin?.write('left\n');
  await until('it to be written', () => acks.includes('left'));
  const opened = await openSpool(t, dataDir);
  t.equal(path.basename(opened.spool.folder), 'test-1');
  await opened.spool.adopt();
  t.equal(opened.spool.isEmpty, true, 'a live one is left alone');
  await kill(child);
  await opened.spool.adopt();
  t.equal(opened.spool.status().events, 1);
  const { queued } = startDrain(t, opened);
  await until('it to be drained', () => opened.spool.isEmpty);
  t.same(
    queued.map(({ delivery }) => delivery.id),
    ['left'],
  );
  // Its file goes after its last record, and its lock after that.
  const slot = path.join(dataDir, 'spool', 'test-0');
  await until('the empty slot to be left', async () => {
    return !(await readdir(slot)).some((name) => name.startsWith('lock-'));
  });
  const again = await openSpool(t, dataDir);
  t.equal(path.basename(again.spool.folder), 'test-0', 'the empty slot is free again');
});

void t.test('another prefix is another Hookline', async (t) => {
  const dataDir = await temporaryFolder(t);
  await mkdir(path.join(dataDir, 'spool', 'other-0'), { recursive: true });
  await writeFile(path.join(dataDir, 'spool', 'other-0', '000000000001.spool'), 'x');
  const { spool } = await openSpool(t, dataDir);
  await spool.adopt();
  t.equal(spool.status().bytes, 0);
});

void t.test('killed while it writes: all that it said it has is there', async (t) => {
  const dataDir = await temporaryFolder(t);
  const said = new Set<string>();
  for (let round = 0; round < 5; round += 1) {
    const { child, acks } = await startWriter(t, dataDir);
    const feeding = setInterval(() => {
      for (let n = 0; n < 50; n += 1)
        child.stdin?.write(`evt_${round}_${Math.random().toString(36).slice(2)}\n`);
    }, 2);
    child.stdin?.on('error', () => {});
    await until('some to be written', () => acks.length > 300 * (round + 1));
    await kill(child);
    clearInterval(feeding);
    for (const id of acks) said.add(id);
  }
  t.ok((await segmentsOf(dataDir)).length >= 5);
  const opened = await openSpool(t, dataDir);
  const { queued } = startDrain(t, opened);
  await until('it to be drained', () => opened.spool.isEmpty, 60_000);
  const found = new Set(queued.map(({ delivery }) => delivery.id));
  t.same(
    [...said].filter((id) => !found.has(id)),
    [],
    `${said.size} were said to be there, ${found.size} are`,
  );
});
