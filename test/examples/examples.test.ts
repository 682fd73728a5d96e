/** The folders of `examples/` as `HANDLERS_DIR`, with signed deliveries over HTTP and the shop they talk to. */
import { spawn } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import path from 'node:path';
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { BARE_NODE, ENV } from '../support/bare-node.js';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { openQueue } from '../support/ledger.js';
import { startHookline } from '../support/process.js';
import { openStore, temporaryFolder, type TestStore } from '../support/store.js';

interface Logged {
  method: string;
  path: string;
  body: Record<string, unknown>;
  status: number;
}

const sender = createPetstoreSender({ secret: 'whsec_for_the_examples' });

/** Starts the shop; answers its address. */
async function openShop(t: Test): Promise<string> {
  const child = spawn(ENV, [...BARE_NODE, 'examples/shop.mjs'], { env: { SHOP_PORT: '0' } });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.stdout.resume();
  return /http:\S+/.exec(line.toString())?.[0] ?? '';
}

async function openExample(t: Test, folder: string, store?: TestStore) {
  const shop = await openShop(t);
  const own = store ?? (await openStore(t));
  const hookline = await startHookline(t, {
    ...sender.environment,
    REDIS_URL: own.url,
    QUEUE_PREFIX: own.prefix,
    HANDLERS_DIR: folder,
    SHOP_URL: shop,
  });
  const { address } = hookline;
  return {
    address,
    store: own,
    /** A new delivery, answered 200. */
    send: async (id: string, topic: string, data: object, triggeredAt?: string) => {
      const request = await sender.request({ topic, data }, { id, ...(triggeredAt ? { triggeredAt } : {}) });
      t.equal((await post(address, request, { timeoutMs: 10_000 })).status, 200);
    },
    ended: (id: string) => untilState(address, 'petstore', id),
    look: (id: string) => lookUp(address, 'petstore', id),
    ask: async (path: string): Promise<unknown> => (await fetch(shop + path)).json(),
    stop: async () => {
      hookline.child.kill('SIGTERM');
      await hookline.exited;
    },
  };
}

void t.test('charge, then mail: the retry mails, and does not charge again', async (t) => {
  const { send, ended, ask } = await openExample(t, 'examples/charge-then-mail');
  await send('evt_1', 'order.created', { orderId: 'o1', amount: 5, email: 'ann@example.com' });
  t.match(await ended('evt_1'), { state: 'completed' });
  const log = (await ask('/log')) as Logged[];
  t.match(
    log.map(({ path, status }) => `${path} ${status}`),
    ['/charges 201', '/mails 503', '/mails 202'],
  );
  t.match(
    log[2]?.body,
    { to: 'ann@example.com', chargeId: 'ch_1' },
    'the kept result reaches the later step',
  );
});

void t.test('in order: changes of an order one after the other', async (t) => {
  const { send, ended, ask } = await openExample(t, 'examples/in-order');
  const states = ['PLACED', 'PAID', 'PACKED', 'SHIPPED', 'DELIVERED'];
  for (const newStatus of states) {
    for (const orderId of ['o1', 'o2']) {
      await send(`${orderId}-${newStatus}`, 'order.status_changed', { orderId, newStatus });
    }
  }
  await Promise.all([ended('o1-DELIVERED'), ended('o2-DELIVERED')]);
  const log = (await ask('/log')) as Logged[];
  const of = (path: string) => log.filter((entry) => entry.path === path).map(({ body }) => body['status']);
  t.same([of('/orders/o1'), of('/orders/o2')], [states, states]);
});

void t.test('latest wins: what comes late is stale', async (t) => {
  const { send, ended, ask } = await openExample(t, 'examples/latest-wins');
  const at = (day: number) => `2025-01-0${day}T00:00:00Z`;
  await send('new', 'pet.status_changed', { petId: 'p1', newStatus: 'ADOPTED' }, at(2));
  await ended('new');
  await send('old', 'pet.status_changed', { petId: 'p1', newStatus: 'PENDING' }, at(1));
  await send('other', 'pet.status_changed', { petId: 'p2', newStatus: 'PENDING' }, at(1));
  t.match(await ended('old'), { state: 'completed' }, 'not failed');
  await ended('other');
  t.match(await ask('/orders/p1'), { status: 'ADOPTED', at: at(2) });
  t.match(await ask('/orders/p2'), { status: 'PENDING' });
});

void t.test('limits: the partner is never asked for too much', async (t) => {
  const { send, ended, ask } = await openExample(t, 'examples/limits');
  const ids = Array.from({ length: 25 }, (_, n) => `evt_${n}`);
  await Promise.all(ids.map((id) => send(id, 'pet.adopted', { petId: id })));
  for (const id of ids) t.equal((await ended(id)).state, 'completed');
  t.ok(((await ask('/partner')) as { most: number }).most <= 3);
  const log = (await ask('/log')) as Logged[];
  t.equal(log.filter(({ status }) => status === 200).length, 25, 'each was taken once');
});

void t.test('mend and replay: what was done before the bug is not done again', async (t) => {
  const folder = path.join(await temporaryFolder(t), 'examples');
  await cp('examples', folder, { recursive: true });
  const handler = path.join(folder, 'mend-and-replay/payment-failed.mjs');
  const broken = await openExample(t, path.dirname(handler));
  const ids = ['evt_1', 'evt_2', 'evt_3'];
  for (const id of ids) {
    const customer = { email: `${id}@example.com` };
    await broken.send(id, 'payment.failed', { orderId: id, payment: { customer } });
  }
  for (const id of ids) t.match(await broken.ended(id), { state: 'failed', attemptsMade: 2 });
  t.equal(((await broken.ask('/log')) as Logged[]).length, 3, 'the first step was done once in two attempts');
  await broken.stop();

  const text = await readFile(handler, 'utf8');
  const mended = text.replace(
    'data.customer.email; // BUG: data.payment.customer.email',
    'data.payment.customer.email;',
  );
  t.not(mended, text);
  await writeFile(handler, mended);
  const { ended, ask, store, look } = await openExample(t, path.dirname(handler), broken.store);
  const { queue, ready } = openQueue(t, store);
  await ready;
  for (const id of ids) {
    const job = (await queue.find(id))?.job;
    // What an operator's replay does to a job.
    await job?.updateData({ ...job.data, replay: { count: 1, at: new Date().toISOString(), by: 'ann' } });
    await job?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
  }
  await until('all to be handled', async () => (await look('evt_3'))?.state === 'completed');
  // The mail server fails the first time for each.
  for (const id of ids) t.match(await ended(id), { state: 'completed', attemptsMade: 2 });
  const log = (await ask('/log')) as Logged[];
  t.same(
    log.filter(({ path }) => path !== '/mails'),
    [],
    'the kept step was not run again',
  );
  t.same(
    new Set(log.filter(({ status }) => status === 202).map(({ body }) => body['to'])),
    new Set(ids.map((id) => `${id}@example.com`)),
  );
});
