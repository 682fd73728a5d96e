/** A handler that does not end is given back when the service closes, and the next service handles its event. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const NOTE = `
  import { appendFileSync } from 'node:fs';
  const note = (event, ctx, text) =>
    appendFileSync(new URL('notes.txt', import.meta.url), event.id + ' ' + ctx.attempt + ' ' + text + '\\n');
`;
/** Handlers that never end, each in its own way; one attempt is all that they have. */
const ENDLESS: Record<string, string> = {
  deaf: 'return new Promise(() => {});',
  polite: `return new Promise((resolve, reject) => ctx.signal.addEventListener('abort', () => {
    note(event, ctx, ctx.signal.reason.name);
    reject(new Error('stopped as it was told to'));
  }));`,
  fetching: `return import('node:timers/promises').then(({ setTimeout }) =>
    setTimeout(3_600_000, undefined, { signal: ctx.signal }));`,
};
const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const redis = new Redis(store.url, { maxRetriesPerRequest: null });
t.teardown(() => redis.disconnect());

void t.test('handed on from one service to the next', async (t) => {
  const module = (topic: string, body: string) => `${NOTE}
    export default { source: 'petstore', topic: '${topic}', attempts: 1, timeout: 3_600_000, handle(event, ctx) {
      note(event, ctx, 'begun');
      ${body}
    } };`;
  const endless = t.testdir(
    Object.fromEntries(Object.entries(ENDLESS).map(([topic, body]) => [`${topic}.mjs`, module(topic, body)])),
  );
  const first = await startTestService(t, store, {
    ...sender.environment,
    HANDLERS_DIR: endless,
    SHUTDOWN_TIMEOUT: '300ms',
  });
  const ids = new Map<string, string>();
  for (const topic of Object.keys(ENDLESS)) {
    const id = randomUUID();
    ids.set(topic, id);
    await post(first.address, await sender.request({ topic, data: {} }, { id }), { timeoutMs: 10_000 });
    await untilState(first.address, 'petstore', id, 'active');
  }
  await first.close();

  const notes = readFileSync(path.join(endless, 'notes.txt'), 'utf8');
  t.match(notes, `${ids.get('polite')} 1 ShutdownError`, 'the signal says why');
  const queue = new Queue('petstore', { connection: redis, prefix: store.prefix });
  for (const [topic, id] of ids) {
    const jobId = await queue.getDeduplicationJobId(id);
    t.equal(await (await queue.getJob(String(jobId)))?.getState(), 'waiting', `${topic}: back in the queue`);
    const line = first.lines.find((line) => line['id'] === id && line['outcome'] === 'returned');
    t.equal(line?.['level'], 40, `${topic}: and logged`);
  }

  const ending = t.testdir({
    'any.mjs': `${NOTE} export default { source: 'petstore', topic: '*', attempts: 1,
      handle(event, ctx) { note(event, ctx, 'done'); } };`,
  });
  const second = await startTestService(t, store, {
    ...sender.environment,
    HANDLERS_DIR: ending,
    SHUTDOWN_TIMEOUT: '100ms',
  });
  for (const [topic, id] of ids) {
    t.match(await untilState(second.address, 'petstore', id), { state: 'completed' }, topic);
    const done = readFileSync(path.join(ending, 'notes.txt'), 'utf8').split('\n');
    t.same(
      done.filter((line) => line.startsWith(id)),
      [`${id} 1 done`],
      `${topic}: once, and the shutdown did not count as an attempt`,
    );
  }
});

void t.test('a handler that ends in time is waited for', async (t) => {
  const folder = t.testdir({
    'slow.mjs': `import { setTimeout } from 'node:timers/promises';
      export default { source: 'petstore', topic: 'slow', attempts: 1, handle: () => setTimeout(700) };`,
  });
  const service = await startTestService(t, store, {
    ...sender.environment,
    HANDLERS_DIR: folder,
    SHUTDOWN_TIMEOUT: '30s',
  });
  const id = randomUUID();
  await post(service.address, await sender.request({ topic: 'slow', data: {} }, { id }), {
    timeoutMs: 10_000,
  });
  await untilState(service.address, 'petstore', id, 'active');
  await service.close();
  const queue = new Queue('petstore', { connection: redis, prefix: store.prefix });
  const job = await queue.getJob(String(await queue.getDeduplicationJobId(id)));
  t.equal(await job?.getState(), 'completed');
});
