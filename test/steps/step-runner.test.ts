/** `ctx.step` on a real store: what is kept, what is refused, and how it is said. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { isPermanent } from '../../workers/outcomes.js';
import { StepError, StepRunner, type StepRunnerOptions } from '../../workers/steps/step-runner.js';
import type { AttemptTime } from '../../workers/time-limit.js';
import { DurableRedis } from '../faults/redis.js';
import { until } from '../support/deliveries.js';
import { noRedis } from '../support/redis-program.js';
import { openStore, type TestStore } from '../support/store.js';

const store = openStore(t);

/** A job, and as many attempts at it as one asks for. */
async function openJob(t: Test, at: TestStore | Promise<TestStore> = store) {
  const { url, prefix } = await at;
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  const jobKey = `${prefix}:steps:${Math.random()}`;
  await redis.hset(jobKey, 'data', '{}');
  t.teardown(() => redis.del(jobKey));
  const attempt = (number: number, options: Partial<StepRunnerOptions> = {}) =>
    new StepRunner({
      redis,
      jobKey,
      source: 'petstore',
      id: 'evt-1',
      attempt: number,
      fresh: number === 1,
      time: timeOf(new AbortController()),
      log: silentLog,
      stop: new AbortController().signal,
      ...options,
    });
  return { redis, jobKey, attempt };
}

const timeOf = ({ signal }: AbortController): AttemptTime => ({ signal, uncounted: (work) => work });

const neverRun = () => {
  throw new Error('it was run again');
};

void t.test('a result is kept with the job, and given again without running', async (t) => {
  const { attempt, redis, jobKey } = await openJob(t);
  const result = { chargeId: 'ch_1', amount: 49.99, lines: [{ sku: 'é💶' }, null], paid: true };
  t.same(await attempt(1).step('charge', () => result), result);
  t.same(await attempt(2).step('charge', neverRun), result);
  const kept = JSON.parse((await redis.hget(jobKey, 'step:charge')) ?? '') as Record<string, unknown>;
  t.match(kept, { value: result, attempt: 1, at: /^\d{4}-.*Z$/ });
});

void t.test('a first run gets exactly what later ones get', async (t) => {
  const { attempt } = await openJob(t);
  const given = { here: 1, gone: undefined };
  const first = await attempt(1).step<object>('members', () => given);
  t.notOk('gone' in first, 'what JSON leaves out is left out at once');
  t.same(await attempt(2).step('members', neverRun), first);
  t.equal(await attempt(1).step('nothing', () => undefined), undefined);
  t.equal(await attempt(2).step('nothing', neverRun), undefined, 'no result is a result');
  t.equal(await attempt(1).step('null', () => null), null);
});

void t.test('a step that failed runs again, and its error is the one that was thrown', async (t) => {
  const { attempt } = await openJob(t);
  const error = new RangeError('no');
  await t.rejects(
    attempt(1).step('charge', () => Promise.reject(error)),
    error,
  );
  t.equal(await attempt(2).step('charge', () => 'yes'), 'yes');
});

void t.test(
  'the idempotency key is the same in every attempt, and no other step or event has it',
  async (t) => {
    const { attempt } = await openJob(t);
    const keyOf = async (number: number, name: string, options: Partial<StepRunnerOptions> = {}) => {
      let key = '';
      const failing = attempt(number, options).step(name, ({ idempotencyKey }) => {
        key = idempotencyKey;
        throw new Error('so that nothing is kept');
      });
      await t.rejects(failing);
      return key;
    };
    const key = await keyOf(1, 'charge');
    t.match(key, /^[\w-]{43}$/);
    t.equal(await keyOf(7, 'charge'), key);
    t.not(await keyOf(1, 'mail'), key);
    t.not(await keyOf(1, 'charge', { id: 'evt-2' }), key);
    t.not(await keyOf(1, 'charge', { source: 'pce' }), key);
    t.not(
      await keyOf(1, 'b', { id: 'a' }),
      await keyOf(1, '', { id: 'ab' }).catch(() => ''),
      'parts do not run together',
    );
  },
);

void t.test('what cannot be kept is said with its place and what to do, and fails at once', async (t) => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = { cycle };
  const wrong: Array<[value: unknown, said: RegExp]> = [
    [new Date(), /the result is a Date/],
    [{ at: [1, new Map()] }, /the result\.at\[1\] is a Map/],
    [10n, /the result is a bigint/],
    [{ n: Number.NaN }, /the result\.n is NaN/],
    [[Infinity], /the result\[0\] is Infinity/],
    [[undefined], /the result\[0\] is undefined/],
    [() => 1, /the result is a function/],
    [{ buffer: Buffer.from('x') }, /the result\.buffer is a Buffer/],
    [cycle, /the result\.self\.cycle contains itself/],
    [await fetch('data:,x'), /the result is a Response/],
  ];
  const { attempt, redis, jobKey } = await openJob(t);
  for (const [value, said] of wrong) {
    const error = await attempt(1)
      .step('charge', () => value)
      .catch((error: unknown) => error as Error);
    t.type(error, StepError);
    t.match((error as Error).message, said);
    t.match((error as Error).message, /step charge .* What the step did is done\. Return only what/);
    t.ok(isPermanent(error));
  }
  t.notOk(await redis.hexists(jobKey, 'step:charge'), 'and nothing is kept');
});

void t.test('sizes are bounded: a result, a name, the number of steps', async (t) => {
  const { attempt, redis, jobKey } = await openJob(t);
  const large = attempt(1).step('pdf', () => 'é'.repeat(32 * 1024));
  await t.rejects(large, /step pdf is too large to keep: 65\d{3} bytes of JSON, where 65536 are allowed/);
  t.equal((await attempt(1).step('fits', () => 'x'.repeat(65_000))).length, 65_000);

  for (const name of ['', 'x'.repeat(101), 'a\nb', 5 as unknown as string]) {
    await t.rejects(attempt(1).step(name, neverRun), /A step's name has 1 to 100 printable characters/);
  }
  await attempt(1).step('E-Mail an Ömer 💌 (1/2)', () => 1);

  const many = attempt(1);
  for (let n = 0; n < 100; n += 1) await many.step(`n${n}`, () => n);
  await t.rejects(many.step('one more', neverRun), /more than 100 steps/);
  await t.rejects(attempt(2).step('under a new name', neverRun), /more than 100 steps/, 'over all attempts');
  t.equal(await attempt(2).step('n7', neverRun), 7, 'what is kept can still be read');
  t.equal(Number(await redis.hget(jobKey, 'stepCount')), 102);
});

void t.test('two steps of one name in one run', async (t) => {
  const { attempt } = await openJob(t);
  const run = attempt(1);
  await run.step('mail', () => 'to Ann');
  await t.rejects(run.step('mail', neverRun), /Two steps of one run are named mail/);
  const both = attempt(2);
  const results = await Promise.allSettled([both.step('mail', neverRun), both.step('mail', neverRun)]);
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected'],
    'begun at the same time too',
  );
});

void t.test('two runs of one step at once: the first to end is kept, and both get its result', async (t) => {
  const { attempt } = await openJob(t);
  const slow = attempt(1).step('charge', async () => {
    await sleep(100);
    return 'slow';
  });
  t.equal(await attempt(2).step('charge', () => 'fast'), 'fast');
  t.equal(await slow, 'fast');
});

void t.test('past the time limit no step begins, and one that ends is kept', async (t) => {
  const { attempt } = await openJob(t);
  const limit = new AbortController();
  const run = attempt(1, { time: timeOf(limit) });
  const late = run.step('charge', async ({ signal }) => {
    t.equal(signal, limit.signal);
    limit.abort(new Error('too late'));
    return 'charged';
  });
  t.equal(await late, 'charged');
  await t.rejects(run.step('mail', neverRun), /too late/);
  t.equal(await attempt(2).step('charge', neverRun), 'charged');
});

void t.test('a job that was removed meanwhile is not brought back', async (t) => {
  const { attempt, redis, jobKey } = await openJob(t);
  const run = attempt(1).step('charge', async () => {
    await redis.del(jobKey);
    return 'charged';
  });
  t.equal(await run, 'charged');
  t.equal(await redis.exists(jobKey), 0);
});

void t.test(
  'a result is asked for until Redis tells it, and nothing is run',
  { skip: noRedis },
  async (t) => {
    const server = await DurableRedis.open(t);
    const { attempt } = await openJob(t, { url: `redis://127.0.0.1:${server.port}`, prefix: 'own' });
    await attempt(1).step('charge', () => 'ch_1');
    await server.tell('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    await server.tell('REPLICAOF', '127.0.0.1', '1');
    let refusal = '';
    const warn = ({ reason }: { reason: string }) => (refusal = reason);
    const log = Object.assign(Object.create(silentLog), { warn }) as typeof silentLog;
    const again = attempt(2, { log }).step('charge', neverRun);
    await Promise.race([again, until('the read to be refused', () => refusal !== '')]);
    t.match(refusal, /^MASTERDOWN/);
    await server.tell('REPLICAOF', 'NO', 'ONE');
    t.equal(await again, 'ch_1');
  },
);
