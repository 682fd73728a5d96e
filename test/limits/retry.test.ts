/** What follows a failed attempt: RetryLater, a schedule, time limits, and what is remembered of it all. */
import t from 'tap';
import { RetryLater } from '../../index.js';
import { handlerSchema } from '../../lib/handler.js';
import { NO_RETRY, nextDelay } from '../../workers/backoff.js';
import { retryDelay } from '../../workers/outcomes.js';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers } from '../support/ledger.js';
import { openStore } from '../support/store.js';

const base = { source: 'petstore', topic: '*', handle: () => undefined };

void t.test('a schedule gives each retry its delay, and the number of attempts', async (t) => {
  const { backoff, attempts } = handlerSchema.parse({
    ...base,
    backoff: { type: 'schedule', delays: ['60s', '5m', 1_800_000, '1h'] },
  });
  const delays = [1, 2, 3, 4, 5].map((made) => nextDelay(made, attempts, backoff));
  t.same(delays, [60_000, 300_000, 1_800_000, 3_600_000, NO_RETRY]);
  const longer = handlerSchema.parse({
    ...base,
    attempts: 7,
    backoff: { type: 'schedule', delays: ['1s', '2s'] },
  });
  t.equal(nextDelay(6, longer.attempts, longer.backoff), 2_000, 'the last is repeated');
  t.equal(handlerSchema.parse(base).attempts, 8);
});

void t.test('durations are numbers or texts everywhere', async (t) => {
  const handler = handlerSchema.parse({
    ...base,
    timeout: '5m',
    backoff: { delay: '2s', maxDelay: '1.5h' },
    rateLimit: { max: 5, per: '10s' },
  });
  t.match(handler, { timeout: 300_000, backoff: { type: 'exponential', delay: 2_000, maxDelay: 5_400_000 } });
  t.equal(handler.rateLimit?.per, 10_000);
  for (const wrong of ['5 minutes', '-1s', -1, Number.NaN, '2d', null, {}]) {
    t.throws(
      () => handlerSchema.parse({ ...base, timeout: wrong }),
      /expected milliseconds or a text such as 30s/,
    );
  }
});

void t.test('options that belong to others are refused without them', async (t) => {
  t.throws(() => handlerSchema.parse({ ...base, onDead: 'hold' }), /there is no serialBy/);
  t.throws(() => handlerSchema.parse({ ...base, rememberVersions: '1d' }), /there is no latestBy/);
  t.throws(() => handlerSchema.parse({ ...base, rateLimit: { max: 0, per: '1s' } }));
  t.throws(() => handlerSchema.parse({ ...base, backoff: { type: 'schedule', delays: [] } }));
});

void t.test('RetryLater says when, by class or by name', async (t) => {
  t.equal(new RetryLater('5m').delay, 300_000);
  t.equal(new RetryLater(250, 'busy').message, 'busy');
  t.throws(() => new RetryLater('soon' as '1s'), /RetryLater: expected milliseconds .* given: soon/);
  t.equal(retryDelay(new RetryLater('1s')), 1_000);
  t.equal(retryDelay(Object.assign(new Error('x'), { name: 'RetryLater', delay: '2s' })), 2_000);
  t.equal(retryDelay(Object.assign(new Error('x'), { name: 'RetryLater', delay: 'never' })), undefined);
  t.equal(retryDelay(Object.assign(new Error('x'), { delay: '2s' })), undefined);
});

void t.test('attempts as they happen, and what is remembered of them', async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<{ id: string; attempt: number; at: number }>(t);
  const handler = (topic: string, more: string, body: string) => `
    export default {
      source: 'petstore', topic: '${topic}', ${more}
      async handle({ id }, { attempt, signal }) { note({ id, attempt, at: Date.now() }); ${body} },
    };
  `;
  const HANDLERS_DIR = await handlersFolder(t, ledger, {
    'later.mjs': handler('later', '', `if (attempt < 3) throw new hookline.RetryLater(attempt * 200);`),
    'never.mjs': handler('never', 'attempts: 2,', `throw new hookline.RetryLater('10ms', 'busy');`),
    'hangs.mjs': handler(
      'hangs',
      `attempts: 2, timeout: '50ms', backoff: { delay: 0 },`,
      'await sleep(10_000, undefined, { signal });',
    ),
    'word.mjs': handler(
      'word',
      'attempts: 1,',
      `throw Object.assign(new Error('my own'), { name: 'DelayedError' });`,
    ),
  });
  await startWorkers(t, store, 1, { HANDLERS_DIR });
  const { accept, queue } = openQueue(t, store);
  const topics = ['later', 'never', 'hangs', 'word', 'unknown'];
  await accept(...topics.map((topic) => ({ id: topic, topic, data: {} })));
  await until('one to succeed and four to fail', async () => {
    const { completed, failed } = await queue.depths();
    return completed === 1 && failed === 4;
  });

  const job = async (id: string) => (await queue.find(id))?.job;
  const history = async (id: string) => {
    const { logs } = await queue.queue.getJobLogs((await job(id))?.id ?? '');
    return logs.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const times = ledger
    .read()
    .filter(({ id }) => id === 'later')
    .map(({ at }) => at);
  t.equal(times.length, 3);
  t.ok(
    (times[1] ?? 0) - (times[0] ?? 0) >= 195 && (times[2] ?? 0) - (times[1] ?? 0) >= 395,
    'after what was asked for',
  );
  t.match(await history('later'), [
    {
      event: 'attempt',
      attempt: 1,
      outcome: 'retried',
      error: { name: 'RetryLater' },
      handler: /later\.mjs$/,
    },
    { event: 'attempt', attempt: 2, outcome: 'retried' },
    { event: 'attempt', attempt: 3, outcome: 'completed' },
  ]);

  t.match(
    await job('never'),
    { attemptsMade: 2, failedReason: 'busy' },
    'an attempt that asks for later counts',
  );
  t.match(
    await job('hangs'),
    { attemptsMade: 2, failedReason: /time limit of 50 ms/ },
    'so does one that takes too long',
  );
  t.match((await history('hangs'))[1], {
    outcome: 'failed',
    error: { name: 'HandlerTimeoutError' },
    ms: Number,
  });
  t.match(
    await job('word'),
    { attemptsMade: 1, failedReason: 'DelayedError my own' },
    "no word of BullMQ's own passes",
  );
  const [quarantined] = await history('unknown');
  t.match(quarantined, { attempt: 1, outcome: 'quarantined', error: { name: 'QuarantineError' } });
  t.notOk('handler' in (quarantined ?? {}));
});
