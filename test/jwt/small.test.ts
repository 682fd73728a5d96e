import t from 'tap';
import { Budget } from '../../lib/budget.js';
import { Recent } from '../../lib/jwt/recent.js';

void t.test('a budget lets a burst through, then one for every interval', (t) => {
  const budget = new Budget(2, 1_000);
  t.same(
    [0, 0, 0].map((now) => budget.take(now)),
    [true, true, false],
  );
  t.equal(budget.take(999), false);
  t.equal(budget.take(1_000), true, 'what was asked for in between did not push it out');
  t.equal(budget.take(1_000), false);
  t.equal(budget.take(500), false, 'a clock set back a little earns nothing');
  t.equal(budget.take(2_000), true, 'and costs nothing');
  t.same(
    [60_000, 60_000, 60_000].map((now) => budget.take(now)),
    [true, true, false],
    'never more than the burst',
  );
  t.same(
    [0, 1_000].map((now) => budget.take(now)),
    [false, true],
    'a clock set back by far does not lock it',
  );
  const tenths = new Budget(1, 10);
  const taken = Array.from({ length: 1_000 }, (_, now) => tenths.take(now)).filter(Boolean);
  t.equal(taken.length, 100, 'no rounding');
  t.end();
});

void t.test('a bounded map forgets what was unused for longest', (t) => {
  const recent = new Recent<number>(2);
  recent.set('a', 1);
  recent.set('b', 2);
  t.equal(recent.get('a'), 1);
  recent.set('c', 3);
  t.equal(recent.get('b'), undefined, 'the oldest use goes');
  t.equal(recent.get('a'), 1);
  recent.set('a', 0);
  t.equal(recent.get('a'), 0, 'a value may be falsy');
  t.equal(recent.size, 2);
  recent.delete('a');
  t.equal(recent.get('a'), undefined);
  t.end();
});
