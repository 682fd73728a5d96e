/** To throw is to be retried, as the handler's own policy says; the last message is what is kept. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

/** Every handler notes each attempt of an event, a line of JSON each. */
const NOTE = `
  import { appendFileSync } from 'node:fs';
  const note = ({ id }, ctx, more) => appendFileSync(
    new URL('attempts.jsonl', import.meta.url),
    JSON.stringify({ id, attempt: ctx.attempt, maxAttempts: ctx.maxAttempts, at: Date.now(), ...more }) + '\\n');
`;

const folder = t.testdir({
  'third-time.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'third-time', attempts: 5, backoff: { type: 'exponential', delay: 200, jitter: 0 },
    async handle(event, ctx) {
      note(event, ctx);
      if (ctx.attempt < 3) throw new Error('not yet: ' + ctx.attempt);
    } };`,
  'later.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'later', attempts: 2, backoff: { type: 'fixed', delay: 60_000, jitter: 0 },
    handle(event, ctx) { note(event, ctx); throw new Error('later'); } };`,
  'never.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'never', attempts: 3, backoff: { type: 'fixed', delay: 0 },
    handle(event, ctx) { note(event, ctx); throw new Error('no, for the ' + ctx.attempt + '. time é'); } };`,
  'once.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'once', attempts: 1,
    handle(event, ctx) { note(event, ctx); throw new Error('once'); } };`,
  'odd.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'odd', attempts: 1,
    handle(event, ctx) {
      note(event, ctx);
      throw [undefined, null, 'a text', 42, { code: 1 }, Object.create(null), Symbol('s'), () => {}][event.payload.data];
    } };`,
  'waits.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'waits', attempts: 2, timeout: 200, backoff: { delay: 0 },
    handle: (event, ctx) => new Promise((resolve, reject) => ctx.signal.addEventListener('abort', () => {
      note(event, ctx, { reason: ctx.signal.reason.name });
      reject(new Error('gave up as it was told to'));
    })) };`,
  'deaf.mjs': `${NOTE} export default {
    source: 'petstore', topic: 'deaf', attempts: 2, timeout: 200, backoff: { delay: 0 },
    handle(event, ctx) { note(event, ctx); return new Promise(() => {}); } };`,
});
const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const { address, lines } = await startTestService(t, store, {
  ...sender.environment,
  HANDLERS_DIR: folder,
  SHUTDOWN_TIMEOUT: '100ms',
});

async function deliver(topic: string, data: unknown = {}): Promise<string> {
  const id = randomUUID();
  const { status } = await post(address, await sender.request({ topic, data }, { id }), {
    timeoutMs: 10_000,
  });
  if (status !== 200) throw new Error(String(status));
  return id;
}

interface Attempt {
  id: string;
  attempt: number;
  maxAttempts: number;
  at: number;
  reason?: string;
}

function attempts(id: string): Attempt[] {
  const noted = readFileSync(path.join(folder, 'attempts.jsonl'), 'utf8').split('\n').filter(Boolean);
  return noted.map((line) => JSON.parse(line) as Attempt).filter((attempt) => attempt.id === id);
}

void t.test('retried with backoff until it works', async (t) => {
  const id = await deliver('third-time');
  t.match(await untilState(address, 'petstore', id), {
    state: 'completed',
    attemptsMade: 3,
    failedReason: null,
  });
  const made = attempts(id);
  t.same(
    made.map(({ attempt, maxAttempts }) => [attempt, maxAttempts]),
    [
      [1, 5],
      [2, 5],
      [3, 5],
    ],
  );
  const [first = 0, second = 0, third = 0] = made.map(({ at }) => at);
  t.ok(second - first >= 190, 'not before its delay');
  t.ok(third - second >= 390, 'which doubles');
  const told = lines.filter((line) => line['id'] === id && typeof line['outcome'] === 'string');
  t.same(
    told.map(({ outcome }) => outcome),
    ['accepted', 'retried', 'retried', 'completed'],
  );
});

void t.test('between two attempts it is delayed, and says why', async (t) => {
  const id = await deliver('later');
  const { state, failedReason, attemptsMade } = await untilState(address, 'petstore', id, 'delayed');
  t.same([state, attemptsMade], ['delayed', 1]);
  t.equal(failedReason, 'later');
});

void t.test('attempts run out', async (t) => {
  const id = await deliver('never');
  t.match(await untilState(address, 'petstore', id), {
    state: 'failed',
    attemptsMade: 3,
    failedReason: 'no, for the 3. time é',
  });
  t.equal(attempts(id).length, 3);
  const once = await deliver('once');
  t.match(await untilState(address, 'petstore', once), {
    state: 'failed',
    attemptsMade: 1,
    failedReason: 'once',
  });
  t.equal(attempts(once).length, 1);
});

void t.test('whatever is thrown is a failure with a reason', async (t) => {
  for (const [index, reason] of [
    /undefined/,
    /null/,
    /^a text$/,
    /42/,
    /\S/,
    /\S/,
    /Symbol\(s\)/,
    /\S/,
  ].entries()) {
    const id = await deliver('odd', index);
    t.match(await untilState(address, 'petstore', id), {
      state: 'failed',
      attemptsMade: 1,
      failedReason: reason,
    });
    t.equal(attempts(id).length, 1);
  }
});

void t.test('the time limit aborts ctx.signal, and counts as an attempt', async (t) => {
  for (const topic of ['waits', 'deaf']) {
    const id = await deliver(topic);
    t.match(
      await untilState(address, 'petstore', id),
      { state: 'failed', attemptsMade: 2, failedReason: /time limit of 200 ms/ },
      topic,
    );
    t.same(
      attempts(id).map(({ attempt }) => attempt),
      [1, 2],
      topic,
    );
    if (topic === 'waits')
      t.ok(
        attempts(id).every(({ reason }) => reason === 'HandlerTimeoutError'),
        'the signal says why',
      );
  }
});

void t.test('a failed job that is retried by hand has one try more', async (t) => {
  const { Queue } = await import('bullmq');
  const { Redis } = await import('ioredis');
  const redis = new Redis(store.url, { maxRetriesPerRequest: null });
  t.teardown(() => redis.disconnect());
  const queue = new Queue('petstore', { connection: redis, prefix: store.prefix });
  const id = await deliver('never');
  const { jobId } = await untilState(address, 'petstore', id, 'failed');
  const job = await queue.getJob(String(jobId));
  await job?.retry();
  t.match(await untilState(address, 'petstore', id), { state: 'failed', attemptsMade: 4 });
  t.equal(attempts(id).length, 4);

  await job?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
  t.match(await untilState(address, 'petstore', id), { state: 'failed', attemptsMade: 3 });
  t.equal(attempts(id).length, 7, 'or, asked for anew, all of them');
});
