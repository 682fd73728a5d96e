import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { SharedCounter } from '../../lib/limits/shared-counter.js';
import { silentLog } from '../../lib/log.js';

const WINDOW = 300_000;

function open(t: Test) {
  // Never connected: a counter without Redis counts alone.
  const redis = new Redis({ lazyConnect: true });
  let now = WINDOW;
  const counter = new SharedCounter({ redis, prefix: 'x', window: WINDOW, log: silentLog, now: () => now });
  t.teardown(() => {
    counter.close();
    redis.disconnect();
  });
  return { counter, advance: (milliseconds: number) => (now += milliseconds) };
}

void t.test('each key by itself, until the window ends', async (t) => {
  const { counter, advance } = open(t);
  t.equal(counter.count('a'), 0);
  t.same([counter.add('a'), counter.add('a'), counter.add('b')], [1, 2, 1]);
  t.same([counter.count('a'), counter.count('b')], [2, 1]);
  t.equal(counter.resetsIn(), 300);
  advance(WINDOW);
  t.equal(counter.count('a'), 0);
});

void t.test('a clock that goes on between two looks loses no count', async (t) => {
  const redis = new Redis({ lazyConnect: true });
  let looks = 0;
  const now = () => WINDOW + Math.floor((looks += 1) / 3);
  const options = { redis, prefix: 'x', window: WINDOW, log: silentLog, now };
  const counter = new SharedCounter(options);
  t.teardown(() => {
    counter.close();
    redis.disconnect();
  });
  t.same([counter.add('a'), counter.add('a'), counter.add('a')], [1, 2, 3]);
});

void t.test('more addresses than are counted are counted together', async (t) => {
  const { counter, advance } = open(t);
  for (let index = 0; index < 10_000; index += 1) counter.add(`address ${index}`);
  t.equal(counter.add('address 7'), 2, 'one that is there is counted as before');
  for (let index = 1; index <= 20; index += 1) t.equal(counter.add(`late ${index}`), index);
  t.equal(counter.count('never seen'), 20, 'or whoever has many addresses would have no limit');
  t.equal(counter.count('address 8'), 1);
  advance(WINDOW);
  t.equal(counter.count('never seen'), 0);
});
