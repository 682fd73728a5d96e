/** What each address may take stays counted while addresses that take nothing are forgotten. */
import t from 'tap';
import { addressKey } from '../../lib/address.js';
import { BodyBudget } from '../../lib/body.js';

void t.test('an address gets its share back, whoever else came in between', async (t) => {
  const budget = new BodyBudget(100_000, 10);
  const held = budget.open('held');
  t.ok(held.reserve(6));
  for (let index = 0; index < 5_000; index += 1) {
    const other = budget.open(`other-${index}`);
    t.ok(other.reserve(10), 'all of its share');
    if (index % 2 === 0) other.release();
  }
  t.equal(budget.used, 6 + 2_500 * 10);
  const again = budget.open('held');
  t.notOk(again.reserve(5), 'more than is left of it');
  t.ok(again.reserve(4));
  held.release();
  held.release();
  t.notOk(held.reserve(1), 'nothing after it was given back');
  t.ok(again.reserve(6));
  t.notOk(again.reserve(1));
  t.notOk(budget.open('other-1').reserve(1), 'it has not given back');
  t.ok(budget.open('other-2').reserve(10));
});

void t.test('all addresses together', async (t) => {
  const budget = new BodyBudget(15, 10);
  const [one, other] = [budget.open('one'), budget.open('other')];
  t.ok(one.reserve(10));
  t.notOk(other.reserve(6));
  t.ok(other.reserve(5));
  one.release();
  t.equal(budget.used, 5);
});

void t.test('whom a limit counts, asked for again and again by many', async (t) => {
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 3_000; index += 1) {
      const address = `10.0.${index >> 8}.${index & 255}`;
      if (addressKey(`::ffff:${address}`) !== address || addressKey(address) !== address) t.fail(address);
    }
    t.equal(addressKey('2001:db8::1'), '2001:db8:0:0::/64');
    t.equal(addressKey('no address'), 'unknown');
    t.equal(addressKey(undefined), 'unknown');
  }
});
