import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { acquireLock, removeStale } from '../../lib/store/lock.js';
import { deadPid } from './helpers.js';

void t.test('one holder at a time', async (t) => {
  const path = join(t.testdir(), 'lock');
  let inside = 0;
  let most = 0;
  const turn = async (): Promise<void> => {
    const release = await acquireLock(path, { waitMs: 30_000 });
    most = Math.max(most, (inside += 1));
    await sleep(5);
    inside -= 1;
    await release();
  };
  await Promise.all(Array.from({ length: 20 }, turn));
  t.equal(most, 1);
  await t.rejects(stat(path), { code: 'ENOENT' });
});

void t.test('a live holder is waited for, not for ever', async (t) => {
  const path = join(t.testdir(), 'lock');
  await writeFile(path, `${process.ppid} life unique`);
  const waited: number[] = [];
  const acquiring = acquireLock(path, { waitMs: 200, onWait: (pid) => waited.push(pid) });
  await t.rejects(acquiring, { message: new RegExp(`held by process ${process.ppid}.*delete the file`) });
  t.strictSame(waited, [process.ppid]);
  t.equal(await readFile(path, 'utf8'), `${process.ppid} life unique`);
});

void t.test('stale locks are taken over, by one only', async (t) => {
  const path = join(t.testdir(), 'lock');
  const old = new Date(Date.now() - 3_600_000);
  const dead = await deadPid();
  const stale = {
    'of a dead process': () => writeFile(path, `${dead} life unique`),
    'of an earlier process with our id': () => writeFile(path, `${process.pid} life unique`),
    'older than anyone would need': () =>
      writeFile(path, `${process.ppid} life unique`).then(() => utimes(path, old, old)),
    'never written': () => writeFile(path, '').then(() => utimes(path, old, old)),
    'whose removal was cut short': async () => {
      await writeFile(path, `${dead} life unique`);
      await writeFile(`${path}.stale`, '');
      await utimes(`${path}.stale`, old, old);
    },
  };
  for (const [name, make] of Object.entries(stale)) {
    await make();
    let inside = 0;
    const turn = async (): Promise<number> => {
      const release = await acquireLock(path, { waitMs: 30_000 });
      const others = inside++;
      await sleep(5);
      inside -= 1;
      await release();
      return others;
    };
    t.strictSame(
      await Promise.all(Array.from({ length: 10 }, turn)),
      Array.from({ length: 10 }, () => 0),
      name,
    );
    await t.rejects(stat(`${path}.stale`), { code: 'ENOENT' });
  }
});

void t.test('a stale lock is left to the one who removes it already', async (t) => {
  const path = join(t.testdir(), 'lock');
  const held = `${await deadPid()} life unique`;
  const future = new Date(Date.now() + 3_600_000);
  await writeFile(path, held);
  await writeFile(`${path}.stale`, '');
  await utimes(`${path}.stale`, future, future);
  await t.rejects(acquireLock(path, { waitMs: 200 }), /held by process/);
  t.equal(await readFile(path, 'utf8'), held);
  await rm(`${path}.stale`);
  const release = await acquireLock(path, { waitMs: 30_000 });
  await removeStale(path, held);
  t.not(await readFile(path, 'utf8'), held, 'a lock that is not the stale one any more is left alone');
  await release();
});

void t.test('a lock that was lost meanwhile is left to its new holder', async (t) => {
  const path = join(t.testdir(), 'lock');
  const release = await acquireLock(path, { waitMs: 1_000 });
  await writeFile(path, `${process.ppid} life unique`);
  await release();
  t.equal(await readFile(path, 'utf8'), `${process.ppid} life unique`);
  await rm(path);
});

void t.test('a folder that is not there is an error at once', async (t) => {
  await t.rejects(acquireLock(join(t.testdir(), 'nowhere', 'lock'), { waitMs: 30_000 }), { code: 'ENOENT' });
});
