/** One webhook id, one event: however often and however quickly it comes, and until it is forgotten. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const redis = new Redis(store.url, { maxRetriesPerRequest: null });
t.teardown(() => redis.disconnect());
const handlers = await temporaryFolder(t);
await writeFile(
  path.join(handlers, 'any.mjs'),
  `import { appendFileSync } from 'node:fs';
   export default { source: 'petstore', topic: '*', handle({ id }) {
     appendFileSync(new URL('handled.txt', import.meta.url), id + '\\n');
   } };`,
);
const ENVIRONMENT = { ...sender.environment, HANDLERS_DIR: handlers, SHUTDOWN_TIMEOUT: '100ms' };
const { address } = await startTestService(t, store, ENVIRONMENT);

async function deliver(id: string, to = address, data: unknown = {}) {
  const request = await sender.request({ topic: 'pet.adopted', data }, { id });
  const { status, body } = await post(to, request, { timeoutMs: 20_000 });
  return { httpStatus: status, ...(JSON.parse(body) as { id: string; status: string; source: string }) };
}

async function timesHandled(id: string): Promise<number> {
  const ids = (await readFile(path.join(handlers, 'handled.txt'), 'utf8')).split('\n');
  return ids.filter((handled) => handled === id).length;
}

void t.test('a second delivery is a duplicate', async (t) => {
  const id = randomUUID();
  t.same(await deliver(id), { httpStatus: 200, status: 'accepted', source: 'petstore', id });
  t.same(await deliver(id), { httpStatus: 200, status: 'duplicate', source: 'petstore', id }, 'at once');
  const { jobId } = await untilState(address, 'petstore', id, 'completed');
  t.match(await deliver(id), { httpStatus: 200, status: 'duplicate' }, 'and once it was handled');
  t.match(await deliver(id, address, { other: true }), { status: 'duplicate' }, 'whatever is in it');
  t.equal((await lookUp(address, 'petstore', id))?.['jobId'], jobId, 'the first one’s job stands for it');
  t.equal(await timesHandled(id), 1);
});

void t.test('100 copies at once', async (t) => {
  const id = randomUUID();
  const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(id)));
  const count = (status: string) => answers.filter((answer) => answer.status === status).length;
  t.ok(answers.every(({ httpStatus }) => httpStatus === 200));
  t.same([count('accepted'), count('duplicate')], [1, 99]);
  await untilState(address, 'petstore', id, 'completed');
  t.equal(await timesHandled(id), 1);
});

void t.test('copies that come to several receivers at once', async (t) => {
  const others = await Promise.all([1, 2].map(() => startTestService(t, store, ENVIRONMENT)));
  const addresses = [address, ...others.map((other) => other.address)];
  const ids = Array.from({ length: 20 }, () => randomUUID());
  const answers = await Promise.all(ids.flatMap((id) => addresses.map((to) => deliver(id, to))));
  for (const id of ids) {
    const statuses = answers.filter((answer) => answer.id === id).map(({ status }) => status);
    t.same(statuses.sort(), ['accepted', 'duplicate', 'duplicate'], id);
    await untilState(address, 'petstore', id, 'completed');
    t.equal(await timesHandled(id), 1);
  }
});

void t.test('an id belongs to its source and to its prefix', async (t) => {
  const elsewhere = { ...ENVIRONMENT, QUEUE_PREFIX: `${store.prefix}-b` };
  const other = await startTestService(t, store, elsewhere);
  const id = randomUUID();
  t.match(await deliver(id), { status: 'accepted' });
  t.match(await deliver(id, other.address), { status: 'accepted' }, 'another Hookline on the same Redis');
});

void t.test('removing its job re-opens an id', async (t) => {
  const queue = new Queue('petstore', { connection: redis, prefix: store.prefix });
  for (const id of [randomUUID(), `with:colons/and ünicode ${randomUUID()}`, 'x'.repeat(200)]) {
    t.match(await deliver(id), { status: 'accepted' });
    const { jobId } = await untilState(address, 'petstore', id, 'completed');
    await (await queue.getJob(String(jobId)))?.remove();
    t.equal(await lookUp(address, 'petstore', id), undefined, 'it is forgotten');
    t.match(await deliver(id), { status: 'accepted' });
    await untilState(address, 'petstore', id, 'completed');
    t.equal(await timesHandled(id), 2);
    t.match(await deliver(id), { status: 'duplicate' });
  }
});

void t.test('DEDUPE_WINDOW is how long an id is remembered', async (t) => {
  const short = await startTestService(t, store, { ...ENVIRONMENT, DEDUPE_WINDOW: '1s' });
  const id = randomUUID();
  t.match(await deliver(id, short.address), { status: 'accepted' });
  await untilState(short.address, 'petstore', id, 'completed');
  // Its record may be looked at for longer (KEEP_COMPLETED); that it counts as new again is what ends.
  await until('the id to be taken once more', async () => {
    return ((await deliver(id, short.address)) as { status?: string }).status === 'accepted';
  });
  await until('it to be handled once more', async () => (await timesHandled(id)) === 2);

  const kept = randomUUID();
  t.match(await deliver(kept), { status: 'accepted' });
  await sleep(1_500);
  t.match(await deliver(kept), { status: 'duplicate' }, 'the usual window is longer');
});
