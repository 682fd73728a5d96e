import t from 'tap';
import type { Backoff } from '../../lib/handler.js';
import { NO_RETRY, nextDelay } from '../../workers/backoff.js';

const EXPONENTIAL: Backoff = { type: 'exponential', delay: 1_000, jitter: 0, maxDelay: 3_600_000 };

function delays(backoff: Backoff, attempts: number, random?: () => number): number[] {
  return Array.from({ length: attempts }, (_, made) => nextDelay(made + 1, attempts, backoff, random));
}

void t.test('doubles, and ends with the last attempt', async (t) => {
  t.same(delays(EXPONENTIAL, 5), [1_000, 2_000, 4_000, 8_000, NO_RETRY]);
  t.same(delays(EXPONENTIAL, 1), [NO_RETRY]);
  t.equal(nextDelay(9, 5, EXPONENTIAL), NO_RETRY, 'replayed by hand: one try');
});

void t.test('fixed', async (t) => {
  t.same(delays({ ...EXPONENTIAL, type: 'fixed' }, 4), [1_000, 1_000, 1_000, NO_RETRY]);
});

void t.test('no delay exceeds maxDelay, however many attempts there were', async (t) => {
  t.same(delays({ ...EXPONENTIAL, maxDelay: 3_000 }, 5), [1_000, 2_000, 3_000, 3_000, NO_RETRY]);
  t.equal(nextDelay(999, 1_000, EXPONENTIAL), 3_600_000);
  t.equal(nextDelay(9_999, 10_000, EXPONENTIAL), 3_600_000, 'where 2 to that power is Infinity');
});

void t.test('jitter takes away its share at most', async (t) => {
  const half = { ...EXPONENTIAL, jitter: 0.5 };
  t.same(
    delays(half, 4, () => 0),
    [1_000, 2_000, 4_000, NO_RETRY],
  );
  t.same(
    delays(half, 4, () => 1),
    [500, 1_000, 2_000, NO_RETRY],
  );
  t.equal(
    nextDelay(1, 8, { ...EXPONENTIAL, jitter: 1 }, () => 1),
    0,
  );
  const drawn = Array.from({ length: 1_000 }, () => nextDelay(1, 8, half));
  t.ok(drawn.every((delay) => delay >= 500 && delay <= 1_000 && Number.isInteger(delay)));
  t.ok(new Set(drawn).size > 100, 'events that failed together do not come back together');
});

void t.test('never taken for the end', async (t) => {
  t.equal(nextDelay(1, 2, { ...EXPONENTIAL, delay: 0 }), 0, 'at once is not never');
  t.equal(NO_RETRY, -1, 'BullMQ’s word for it');
});
