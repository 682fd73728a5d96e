import t from 'tap';
import { Batcher } from '../../lib/batcher.js';

const LIMITS = { maxBatch: 3, maxWaiting: 5 };

/** A write that is answered by hand. */
function heldWrites() {
  const batches: number[][] = [];
  const answers: Array<{
    resolve: (results: Array<string | Error>) => void;
    reject: (error: Error) => void;
  }> = [];
  const write = (items: number[]) => {
    batches.push(items);
    return new Promise<Array<string | Error>>((resolve, reject) => answers.push({ resolve, reject }));
  };
  const started = async (count: number) => {
    while (batches.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { write, batches, answers, started };
}

void t.test('each item gets its own answer, in whatever batch it went', async (t) => {
  const sizes: number[] = [];
  const batcher = new Batcher<number, string>(
    async (items) => {
      sizes.push(items.length);
      return items.map((item) => (item % 3 === 0 ? new Error(`no ${item}`) : `ok ${item}`));
    },
    { maxBatch: 4, maxWaiting: 100 },
  );
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, item) => batcher.push(item)));
  outcomes.forEach((outcome, item) => {
    if (outcome.status === 'fulfilled') t.equal(outcome.value, `ok ${item}`);
    else t.equal((outcome.reason as Error).message, `no ${item}`);
  });
  t.same(
    outcomes.map(({ status }) => status === 'rejected'),
    [true, false, false, true, false, false, true, false, false, true],
  );
  t.same(sizes, [4, 4, 2], 'no batch is larger than it may be');
});

void t.test('what comes during a write goes together in the next', async (t) => {
  const { write, batches, answers, started } = heldWrites();
  const batcher = new Batcher(write, LIMITS);
  const first = batcher.push(1);
  await started(1);
  const others = [batcher.push(2), batcher.push(3)];
  answers[0]?.resolve(['a']);
  t.equal(await first, 'a');
  await started(2);
  t.same(batches, [[1], [2, 3]]);
  answers[1]?.resolve(['b', 'c']);
  t.same(await Promise.all(others), ['b', 'c']);
});

void t.test('what waits is bounded', async (t) => {
  const { write, answers, started } = heldWrites();
  const batcher = new Batcher(write, LIMITS);
  const written = batcher.push(0);
  await started(1);
  const waiting = [1, 2, 3, 4, 5].map((item) => batcher.push(item));
  const overloaded = { code: 'HKL_ERR_OVERLOADED', statusCode: 503, retryAfter: 5 };
  await t.rejects(batcher.push(6), overloaded);
  answers[0]?.resolve(['0']);
  t.equal(await written, '0', 'what was taken before is answered');
  await started(2);
  const late = batcher.push(7);
  answers[1]?.resolve(['1', '2', '3']);
  await started(3);
  answers[2]?.resolve(['4', '5', '7']);
  t.same(await Promise.all([...waiting, late]), ['1', '2', '3', '4', '5', '7'], 'there is room again');
});

void t.test('a write that fails as a whole fails what waits behind it, and no more', async (t) => {
  const { write, batches, answers, started } = heldWrites();
  const batcher = new Batcher(write, LIMITS);
  const all = [batcher.push(1)];
  await started(1);
  all.push(...[2, 3, 4, 5].map((item) => batcher.push(item)));
  answers[0]?.reject(new Error('gone'));
  const outcomes = await Promise.allSettled(all);
  t.same(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error).message : 'ok')),
    ['gone', 'gone', 'gone', 'gone', 'gone'],
  );
  t.same(batches, [[1]], 'no second write is tried for them');

  const next = batcher.push(6);
  await started(2);
  answers[1]?.resolve(['6']);
  t.equal(await next, '6', 'and it goes on');
});

void t.test('a write that throws at once is a failure like any other', async (t) => {
  const batcher = new Batcher<number, string>(() => {
    throw new Error('at once');
  }, LIMITS);
  await t.rejects(batcher.push(1), { message: 'at once' });
  await t.rejects(batcher.push(2), { message: 'at once' });
});

void t.test('an item that the write does not answer is not taken for written', async (t) => {
  const batcher = new Batcher<number, string>(async () => ['only one'], LIMITS);
  const [first, second] = await Promise.allSettled([batcher.push(1), batcher.push(2)]);
  t.match(first, { status: 'fulfilled', value: 'only one' });
  t.equal(second.status, 'rejected');
});

void t.test('idle waits for all of it', async (t) => {
  const { write, answers, started } = heldWrites();
  const batcher = new Batcher(write, { maxBatch: 1, maxWaiting: 5 });
  await batcher.idle();
  const ended: string[] = [];
  const pushed = [1, 2].map(async (item) => ended.push(await batcher.push(item)));
  const idle = batcher.idle().then(() => ended.push('idle'));
  await started(1);
  answers[0]?.resolve(['a']);
  await started(2);
  t.same(ended, ['a']);
  answers[1]?.resolve(['b']);
  await Promise.all([...pushed, idle]);
  t.same(ended, ['a', 'b', 'idle']);
});

void t.test(
  'enough is written at once, the rest at the end of the tick, and never more writes than may be',
  async (t) => {
    const { write, batches, answers, started } = heldWrites();
    const batcher = new Batcher(write, { maxBatch: 3, maxWaiting: 9, maxInFlight: 2, enough: 2 });
    const all = [1, 2, 3].map((item) => batcher.push(item));
    t.same(batches, [[1, 2]], 'the tick goes on, and they are written');
    await started(2);
    t.same(batches, [[1, 2], [3]]);
    all.push(...[4, 5, 6, 7].map((item) => batcher.push(item)));
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(batches.length, 2, 'as many as may be under way');
    answers[1]?.resolve(['3']);
    await started(3);
    t.same(batches.slice(2), [[4, 5, 6]], 'what waited goes together');
    answers[0]?.resolve(['1', '2']);
    await started(4);
    answers[2]?.resolve(['4', '5', '6']);
    answers[3]?.resolve(['7']);
    t.same(await Promise.all(all), ['1', '2', '3', '4', '5', '6', '7']);
    await batcher.idle();
  },
);

void t.test('what is heavy goes in smaller batches, and what is too heavy goes alone', async (t) => {
  const batches: number[][] = [];
  const write = async (items: number[]) => {
    batches.push(items);
    return items.map(String);
  };
  const weight = { max: 10, of: (item: number) => item };
  const batcher = new Batcher(write, { maxBatch: 3, maxWaiting: 100, weight });
  const items = [1, 1, 1, 1, 6, 4, 1, 11, 25, 2];
  t.same(await Promise.all(items.map((item) => batcher.push(item))), items.map(String));
  t.same(batches, [[1, 1, 1], [1, 6], [4, 1], [11], [25], [2]]);
});
