/** What was answered for stays, whatever the disk does; what could not be kept is not answered for. */
import { chmod, readFile, stat, truncate, writeFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { encodeRecord } from '../../lib/spool/record.js';
import { until } from '../support/deliveries.js';
import { temporaryFolder } from '../support/store.js';
import { diskError, failing, openSpool, segmentsOf, spooled, startDrain } from './support.js';

const unavailable = { code: 'HKL_ERR_STORE_UNAVAILABLE', statusCode: 503 };

/** Fills a spool and closes it. */
async function leave(t: Test, dataDir: string, ids: string[]): Promise<void> {
  const { spool } = await openSpool(t, dataDir);
  for (const id of ids) await spool.append(spooled(id));
  await spool.close();
}

async function drained(t: Test, dataDir: string) {
  const opened = await openSpool(t, dataDir);
  const { queued, stop } = startDrain(t, opened);
  await until('the spool to be empty', () => opened.spool.isEmpty);
  await stop(); // The last of it is queued a moment before its file is removed or renamed.
  return { ...opened, ids: queued.map(({ delivery }) => delivery.id) };
}

void t.test('what is appended is drained, as it was and in order', async (t) => {
  const dataDir = await temporaryFolder(t);
  const opened = await openSpool(t, dataDir);
  const items = Array.from({ length: 2_000 }, (_, index) => spooled(`evt_${index}`, `{"n":${index}}`));
  await Promise.all(items.map((item) => opened.spool.append(item)));
  t.match(opened.spool.status(), { state: 'ok', events: 2_000 });
  t.ok(opened.spool.status().bytes > 2_000 * 100);
  const { queued } = startDrain(t, opened);
  await until('it to be drained', () => opened.spool.isEmpty);
  t.same(queued, items, 'the same job ids and deliveries');
  await until('its file to go', async () => (await segmentsOf(dataDir)).length === 0);
  t.same(opened.spool.status(), { state: 'ok', bytes: 0, events: 0, oldestSeconds: 0 });
  t.equal(opened.said.filter((line) => /in use/.test(line)).length, 1, 'one line when it came into use');
});

void t.test('it outlives its process, in private files', async (t) => {
  const dataDir = await temporaryFolder(t);
  await leave(t, dataDir, ['a', 'b']);
  const [file = ''] = await segmentsOf(dataDir);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  for (const folder of ['spool', 'spool/test-0']) {
    t.equal((await stat(path.join(dataDir, folder))).mode & 0o777, 0o700, folder);
  }
  t.same((await drained(t, dataDir)).ids, ['a', 'b']);
});

void t.test('a torn last record is cut off, counted and told', async (t) => {
  const dataDir = await temporaryFolder(t);
  await leave(t, dataDir, ['a', 'b']);
  const [file = ''] = await segmentsOf(dataDir);
  const { size } = await stat(file);
  await truncate(file, size - 3);
  const { ids, events, said } = await drained(t, dataDir);
  t.same(ids, ['a']);
  t.equal(events.filter((event) => event === 'torn').length, 1);
  t.match(said, [/torn/]);
});

void t.test('a damaged record is kept, and the rest is drained', async (t) => {
  const dataDir = await temporaryFolder(t);
  await leave(t, dataDir, ['a', 'b', 'c']);
  const [file = ''] = await segmentsOf(dataDir);
  const bytes = await readFile(file);
  bytes[bytes.indexOf('"id":"b"') + 6] = 0x2a;
  await writeFile(file, bytes);
  const { ids, events, said } = await drained(t, dataDir);
  t.same(ids, ['a', 'c']);
  t.equal(events.filter((event) => event === 'damaged').length, 1);
  t.ok(said.some((line) => /damaged/.test(line)));
  t.same(await readFile(`${file}.damaged`), bytes, 'the file is kept under another name');
  t.same((await drained(t, dataDir)).ids, [], 'and not drained again');
});

for (const what of ['append', 'sync', 'create'] as const) {
  void t.test(`a disk that fails to ${what}`, async (t) => {
    const dataDir = await temporaryFolder(t);
    let full = false;
    const files = failing({ [what]: () => (full ? diskError('ENOSPC') : undefined) });
    const opened = await openSpool(t, dataDir, { files });
    const { spool } = opened;
    await spool.append(spooled('before'));
    if (what === 'create') await spool.front();
    full = true;
    const answers = await Promise.allSettled(['x', 'y'].map((id) => spool.append(spooled(id))));
    for (const answer of answers) t.match(answer, { status: 'rejected', reason: unavailable });
    t.match(spool.status(), { state: 'cannot write (ENOSPC)', events: 1 });
    await t.rejects(spool.append(spooled('z')), unavailable, 'and no more is tried for now');
    full = false;
    await until('it to find out by itself', () => spool.status().state === 'ok');
    await spool.append(spooled('after'));
    await spool.close();
    t.same((await drained(t, dataDir)).ids, ['before', 'after'], 'what was refused is not there');
  });
}

void t.test('it takes no more than SPOOL_MAX, and more again once it is drained', async (t) => {
  const dataDir = await temporaryFolder(t);
  const max = 1024 ** 2;
  const opened = await openSpool(t, dataDir, { max });
  const body = JSON.stringify({ fill: 'x'.repeat(10_000) });
  const answers = await Promise.allSettled(
    Array.from({ length: 200 }, (_, index) => opened.spool.append(spooled(`evt_${index}`, body))),
  );
  const taken = answers.filter(({ status }) => status === 'fulfilled').length;
  t.ok(taken > 80 && taken < 105, `${taken} of 10 kB in 1 MB`);
  for (const answer of answers.slice(taken)) t.match(answer, { reason: unavailable });
  t.ok(opened.spool.status().bytes <= max);
  t.equal(opened.spool.status().state, 'full');
  const { queued } = startDrain(t, opened);
  // Its room is free when the file is gone, a moment after the last of it was queued.
  await until('it to be drained', () => opened.spool.isEmpty && opened.spool.status().state === 'ok');
  t.equal(queued.length, taken);
  await opened.spool.append(spooled('again', body));
});

void t.test('a queue that is away holds all up, and nothing is lost or reordered', async (t) => {
  const opened = await openSpool(t, await temporaryFolder(t));
  const items = Array.from({ length: 50 }, (_, index) => spooled(`evt_${index}`));
  await Promise.all(items.map((item) => opened.spool.append(item)));
  let tries = 0;
  const { queued } = startDrain(t, opened, {
    decide: () => ({ is: (tries += 1) > 2 ? 'queued' : 'unavailable' }),
  });
  await until('it to be drained', () => opened.spool.isEmpty);
  t.same(
    queued.map(({ delivery }) => delivery.id).toSorted(),
    items.map(({ delivery }) => delivery.id).toSorted(),
  );
});

void t.test('a delivery that is refused for its own sake is kept aside', async (t) => {
  const dataDir = await temporaryFolder(t);
  const opened = await openSpool(t, dataDir);
  const bad = spooled('bad');
  for (const item of [spooled('a'), bad, spooled('b')]) await opened.spool.append(item);
  const { queued, stop } = startDrain(t, opened, {
    decide: ({ delivery: { id } }) => (id === 'bad' ? { is: 'refused', reason: 'ERR no' } : { is: 'queued' }),
  });
  await until('it to be drained', () => opened.spool.isEmpty);
  await stop();
  t.same(
    queued.map(({ delivery }) => delivery.id),
    ['a', 'b'],
  );
  t.equal(opened.events.filter((event) => event === 'refused').length, 1);
  const folder = path.join(dataDir, 'spool', 'test-0');
  const kept = (await readdir(folder)).find((name) => name.startsWith('refused-')) ?? '';
  t.same(await readFile(path.join(folder, kept)), encodeRecord(bad), 'whole, in a file of its own');
});

void t.test('while nothing at all is taken, nothing is kept aside', async (t) => {
  const opened = await openSpool(t, await temporaryFolder(t));
  await opened.spool.append(spooled('a'));
  let tries = 0;
  startDrain(t, opened, { decide: () => ({ is: 'refused', reason: `ERR ${(tries += 1)}` }) });
  await until('it to be refused again and again', () => tries > 4);
  t.equal(opened.spool.status().events, 1);
  t.notOk(opened.events.includes('refused'));
});

void t.test('it drains no faster than it may', async (t) => {
  const opened = await openSpool(t, await temporaryFolder(t));
  await Promise.all(Array.from({ length: 40 }, () => opened.spool.append(spooled())));
  const began = Date.now();
  startDrain(t, opened, { rate: { max: 20, window: 1_000 } });
  await until('it to be drained', () => opened.spool.isEmpty);
  t.ok(Date.now() - began > 1_500, '40 at 20 a second');
});

void t.test('a stop in the middle: the rest, and only that, is drained at the next start', async (t) => {
  const dataDir = await temporaryFolder(t);
  const opened = await openSpool(t, dataDir);
  for (let index = 0; index < 20; index += 1) await opened.spool.append(spooled(`evt_${index}`));
  const { queued, stop } = startDrain(t, opened, { rate: { max: 20, window: 1_000 } });
  await until('some to be queued', () => queued.length >= 4);
  await stop();
  await opened.spool.close();
  t.ok(opened.said.some((line) => /stay in the spool/.test(line)));
  const { ids } = await drained(t, dataDir);
  const all = [...queued.map(({ delivery }) => delivery.id), ...ids];
  t.same(
    all,
    Array.from({ length: 20 }, (_, index) => `evt_${index}`),
  );
});

void t.test('a place in a segment that is gone is not taken for one in the next', async (t) => {
  const dataDir = await temporaryFolder(t);
  const ids = ['a', 'b', 'c', 'd'];
  const names: string[] = [];
  for (const round of ['first', 'second', 'third']) {
    await leave(t, dataDir, ids);
    names.push(...(await segmentsOf(dataDir)));
    // A process that says at every record how far it is, and is killed when all is drained.
    const opened = await openSpool(t, dataDir);
    const { queued, stop } = startDrain(t, opened, { rate: { max: 10, window: 1_000 } });
    await until('it to be drained', () => opened.spool.isEmpty);
    await stop();
    await opened.spool.close();
    t.same(
      queued.map(({ delivery }) => delivery.id),
      ids,
      round,
    );
  }
  t.equal(new Set(names).size, 1, 'all of them had one name');
});

void t.test('a folder that cannot be used is told with what to do', async (t) => {
  const dataDir = await temporaryFolder(t);
  const long = path.join(dataDir, 'x'.repeat(120));
  if (process.platform !== 'linux') {
    await t.rejects(openSpool(t, long), { name: 'SpoolError', message: /bytes too long.*Set DATA_DIR/ });
  } else {
    const [first, second] = [await openSpool(t, long), await openSpool(t, long)];
    t.equal(path.basename(first.spool.folder), 'test-0');
    t.equal(path.basename(second.spool.folder), 'test-1', 'held as any other');
  }
  await writeFile(path.join(dataDir, 'file'), '');
  await t.rejects(openSpool(t, path.join(dataDir, 'file')), { code: 'ENOTDIR', message: /Set DATA_DIR/ });
  if (process.getuid?.() === 0) return;
  await chmod(dataDir, 0o500);
  await t.rejects(openSpool(t, path.join(dataDir, 'below')), { code: 'EACCES', message: /SPOOL_MAX=0/ });
  await chmod(dataDir, 0o700);
});
