/**
 * Without a spool, when Redis cannot take a delivery the sender is asked to come again, in time and never with a 4xx;
 * once Redis is back everything goes on by itself, and what was sent again is handled exactly once.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import t from 'tap';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { deliver, openFaultyStore, recorder, sender } from './faults.js';

/** Milliseconds in which Petstore wants its answer. */
const DEADLINE = 5_000;
const store = await openFaultyStore(t);

for (const [name, { cause, mend }] of Object.entries(store.faults)) {
  void t.test(name, async (t) => {
    const { folder, handled } = await recorder(t);
    const prefix = `test-${randomBytes(4).toString('hex')}`;
    const environment = {
      ...sender.environment,
      HANDLERS_DIR: folder,
      SHUTDOWN_TIMEOUT: '100ms',
      SPOOL_MAX: '0',
    };
    const at = { url: store.url, prefix };
    const { address } = await startTestService(t, at, { ...environment, ROLE: 'receiver' });
    t.match(await deliver(address, {}), { httpStatus: 200 }, 'all is well before');

    const ids = Array.from({ length: 20 }, (): string => randomUUID());
    await cause();
    for (const round of ['at first', 'and still']) {
      const answers = await Promise.all(ids.map((id) => deliver(address, { id })));
      for (const answer of answers) {
        t.match(answer, { httpStatus: 503, code: 'HKL_ERR_STORE_UNAVAILABLE' }, round);
        t.match(answer.retryAfter, /^[1-9]\d*$/, `${round}: says when to come again`);
        t.ok(answer.milliseconds < DEADLINE, `${round}: in time for the sender`);
      }
    }
    t.match(
      await deliver(address, { tamper: 'signature' }),
      { httpStatus: 401 },
      'a forgery is one all the same',
    );
    const lookup = await fetch(`${address}/admin/api/deliveries/petstore/${ids[0]}`);
    t.ok([404, 503].includes(lookup.status), `looking it up: ${lookup.status}`);

    await mend();
    await until('the receiver to be ready', async () => (await fetch(`${address}/health/ready`)).ok);
    for (const id of ids) {
      const answer = await deliver(address, { id });
      t.equal(answer.httpStatus, 200);
      t.match(answer.status, /^(?:accepted|duplicate)$/);
    }
    const again = await Promise.all(ids.map((id) => deliver(address, { id })));
    t.ok(again.every(({ status }) => status === 'duplicate'));

    const worker = await startTestService(t, at, environment);
    for (const id of ids) await untilState(worker.address, 'petstore', id, 'completed');
    const counted = (await handled()).filter((id) => ids.includes(id));
    t.same(counted, ids.toSorted(), 'each is handled exactly once');
  });
}

void t.test('a start while Redis is away', async (t) => {
  const { folder, handled } = await recorder(t);
  const prefix = `test-${randomBytes(4).toString('hex')}`;
  const { url } = store;
  await store.close();
  const { address } = await startTestService(
    t,
    { url, prefix },
    {
      ...sender.environment,
      HANDLERS_DIR: folder,
      SHUTDOWN_TIMEOUT: '100ms',
      ROLE: 'receiver',
      SPOOL_MAX: '0',
    },
  );
  const id = randomUUID();
  t.match(await deliver(address, { id }), { httpStatus: 503, code: 'HKL_ERR_STORE_UNAVAILABLE' });
  t.equal((await fetch(`${address}/health/live`)).status, 200);
  t.equal((await fetch(`${address}/health/ready`)).status, 503);

  await store.open();
  await until('the receiver to be ready', async () => (await fetch(`${address}/health/ready`)).ok);
  t.equal(await lookUp(address, 'petstore', id), undefined, 'looking up works before anything was accepted');
  const board = await fetch(`${address}/admin/queues/api/queues`);
  t.equal(board.status, 200, 'and so does the dashboard');
  t.match(await deliver(address, { id }), { httpStatus: 200, status: 'accepted' });
  t.equal((await fetch(`${address}/admin/queues/api/queues`)).status, 200, 'the dashboard, afterwards');

  const worker = await startTestService(
    t,
    { url, prefix },
    { ...sender.environment, HANDLERS_DIR: folder, SHUTDOWN_TIMEOUT: '100ms' },
  );
  await untilState(worker.address, 'petstore', id, 'completed');
  t.same(await handled(), [id]);
});
