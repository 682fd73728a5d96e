/**
 * While Redis cannot take a delivery it is kept on the disk and answered 200; once Redis is back all of it is queued
 * by itself, and handled exactly once.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import t from 'tap';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { temporaryFolder } from '../support/store.js';
import { deliver, openFaultyStore, recorder, sender } from './faults.js';

/** Milliseconds in which Petstore wants its answer. */
const DEADLINE = 5_000;
const store = await openFaultyStore(t);

interface Readiness {
  httpStatus: number;
  status: string;
  parts: Record<string, string>;
  spool: { bytes: number; events: number; oldestSeconds: number };
}

async function readiness(address: string): Promise<Readiness> {
  const answer = await fetch(`${address}/health/ready`);
  return { ...((await answer.json()) as Omit<Readiness, 'httpStatus'>), httpStatus: answer.status };
}

async function metric(address: string, name: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `)) ?? `${name} NaN`;
  return Number(line.slice(name.length + 1));
}

for (const [name, { cause, mend }] of Object.entries(store.faults)) {
  void t.test(name, async (t) => {
    const { folder, handled } = await recorder(t);
    const at = { url: store.url, prefix: `test-${randomBytes(4).toString('hex')}` };
    const environment = { ...sender.environment, HANDLERS_DIR: folder, SHUTDOWN_TIMEOUT: '100ms' };
    const { address, lines } = await startTestService(t, at, { ...environment, ROLE: 'receiver' });
    t.match(await deliver(address, {}), { httpStatus: 200, status: 'accepted' }, 'all is well before');
    t.match(await readiness(address), { parts: { spool: 'ok' }, spool: { events: 0 } });

    const ids = Array.from({ length: 20 }, (): string => randomUUID());
    await cause();
    for (const round of ['at first', 'and still']) {
      const answers = await Promise.all(ids.map((id) => deliver(address, { id })));
      for (const [index, answer] of answers.entries()) {
        t.match(answer, { httpStatus: 200, status: 'spooled', source: 'petstore', id: ids[index] }, round);
        t.ok(answer.milliseconds < DEADLINE, `${round}: in time for the sender`);
      }
    }
    t.match(
      await deliver(address, { tamper: 'signature' }),
      { httpStatus: 401 },
      'a forgery is one all the same',
    );
    const ready = await readiness(address);
    t.match(ready, {
      httpStatus: 200,
      status: 'ready',
      parts: { redis: /^(?:cannot|unreachable)/, spool: 'ok' },
    });
    t.equal(ready.spool.events, 40);
    t.equal(await metric(address, 'hookline_spool_events'), 40);
    t.equal(await metric(address, 'hookline_spool_bytes'), ready.spool.bytes);
    t.equal(await metric(address, 'hookline_deliveries_total{source="petstore",outcome="spooled"}'), 40);
    t.ok((await metric(address, 'hookline_spool_sync_seconds_count')) >= 1);

    await mend();
    await until('the spool to be drained', async () => (await readiness(address)).spool.bytes === 0);
    t.match(await readiness(address), {
      parts: { redis: 'ok', spool: 'ok' },
      spool: { bytes: 0, oldestSeconds: 0 },
    });
    t.equal(await metric(address, 'hookline_spool_records_total{event="drained"}'), 40);
    const again = await Promise.all(ids.map((id) => deliver(address, { id })));
    t.ok(
      again.every(({ status }) => status === 'duplicate'),
      'what was spooled is a duplicate now',
    );
    const said = lines.map(({ msg }) => msg);
    t.equal(said.filter((line) => String(line).startsWith('the spool is in use')).length, 1);
    t.equal(said.filter((line) => String(line).startsWith('the spool is drained')).length, 1);

    const worker = await startTestService(t, at, environment);
    for (const id of ids) await untilState(worker.address, 'petstore', id, 'completed');
    const counted = (await handled()).filter((id) => ids.includes(id));
    t.same(counted, ids.toSorted(), 'each is handled exactly once');
  });
}

void t.test('a start and a restart while Redis is away', async (t) => {
  const { folder, handled } = await recorder(t);
  const at = { url: store.url, prefix: `test-${randomBytes(4).toString('hex')}` };
  const environment = {
    ...sender.environment,
    HANDLERS_DIR: folder,
    SHUTDOWN_TIMEOUT: '100ms',
    DATA_DIR: await temporaryFolder(t),
  };
  await store.close();
  const first = await startTestService(t, at, { ...environment, ROLE: 'receiver' });
  const ids = [randomUUID(), randomUUID()];
  t.match(await deliver(first.address, { id: ids[0] ?? '' }), { httpStatus: 200, status: 'spooled' });
  await first.close();
  t.ok(first.lines.some(({ msg, events }) => /stay in the spool/.test(String(msg)) && events === 1));

  const second = await startTestService(t, at, { ...environment, ROLE: 'receiver' });
  t.match(await readiness(second.address), { httpStatus: 200, spool: { events: 1 } }, 'it is there again');
  t.match(await deliver(second.address, { id: ids[1] ?? '' }), { httpStatus: 200, status: 'spooled' });
  await store.open();
  await until('the spool to be drained', async () => (await readiness(second.address)).spool.events === 0);
  const worker = await startTestService(t, at, { ...environment, DATA_DIR: await temporaryFolder(t) });
  for (const id of ids) await untilState(worker.address, 'petstore', id, 'completed');
  t.same(await handled(), ids.toSorted());
});

void t.test('a spool that is full: 503, and unready', async (t) => {
  const { folder } = await recorder(t);
  const at = { url: store.url, prefix: `test-${randomBytes(4).toString('hex')}` };
  const { address } = await startTestService(t, at, {
    ...sender.environment,
    HANDLERS_DIR: folder,
    SHUTDOWN_TIMEOUT: '100ms',
    ROLE: 'receiver',
    SPOOL_MAX: '1mb',
  });
  const { cause, mend } = store.faults['read-only'] as {
    cause: () => Promise<void>;
    mend: () => Promise<void>;
  };
  await cause();
  t.teardown(mend);
  const big = { data: { fill: 'x'.repeat(250_000) } };
  const answers = [];
  for (let count = 0; count < 6; count += 1) answers.push(await deliver(address, big));
  t.ok(answers.filter(({ httpStatus }) => httpStatus === 200).length >= 2, 'as long as there is room');
  t.match(answers.at(-1), { httpStatus: 503, code: 'HKL_ERR_STORE_UNAVAILABLE', retryAfter: /^[1-9]/ });
  t.match(await readiness(address), { httpStatus: 503, parts: { spool: 'full' } });
  await mend();
  await until('there to be room again', async () => (await deliver(address, big)).httpStatus === 200);
});
