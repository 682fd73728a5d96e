import t from 'tap';
import {
  compareSpecificity,
  matchesPattern,
  overlap,
  patternsOverlap,
  type Selector,
} from '../../workers/specificity.js';

/** Every text over an alphabet, up to a length. */
function texts(alphabet: string, length: number): string[] {
  let last = [''];
  const all = [''];
  for (let i = 0; i < length; i += 1) {
    last = last.flatMap((text) => alphabet.split('').map((letter) => text + letter));
    all.push(...last);
  }
  return all;
}

/** Written from the definition, by another way: `*` is nothing, or one character and then `*` again. */
function matchesByDefinition(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*') {
    return (
      matchesByDefinition(pattern.slice(1), text) ||
      (text !== '' && matchesByDefinition(pattern, text.slice(1)))
    );
  }
  return text !== '' && pattern[0] === text[0] && matchesByDefinition(pattern.slice(1), text.slice(1));
}

void t.test('patterns against their definition', async (t) => {
  const wrong: string[] = [];
  const all = texts('ab', 5);
  for (const pattern of texts('ab*', 4).filter((pattern) => pattern !== '*')) {
    for (const text of all) {
      if (matchesPattern(pattern, text) !== matchesByDefinition(pattern, text))
        wrong.push(`${pattern} ${text}`);
    }
  }
  t.same(wrong, []);
});

void t.test('patterns', async (t) => {
  t.ok(matchesPattern('product:adv/*', 'product:adv/adv-120'));
  t.ok(matchesPattern('product:adv/*', 'product:adv/'));
  t.notOk(matchesPattern('product:adv/*', 'product:adv'));
  t.notOk(matchesPattern('orders/placed', 'orders/placed2'));
  t.notOk(matchesPattern('orders/placed', 'Orders/placed'), 'case counts');
  t.notOk(matchesPattern('a.c', 'abc'), 'a dot is a dot');
  t.notOk(matchesPattern('a+', 'aa'));
  t.notOk(matchesPattern('aba*aba', 'aba'), 'no character is used twice');
  t.ok(matchesPattern(undefined, null));
  t.ok(matchesPattern('*', null), 'anything is nothing, too');
  t.notOk(matchesPattern('**', null));
  t.notOk(matchesPattern('x*', null));
  t.ok(matchesPattern('*日*', 'in 日本'));
});

void t.test('a pattern made to take long takes no time', async (t) => {
  const pattern = `${'a*'.repeat(1_000)}b`;
  t.notOk(matchesPattern(pattern, 'a'.repeat(100_000)));
  t.notOk(patternsOverlap(`${'a*'.repeat(100)}b`, `${'*a'.repeat(100)}c`));
});

void t.test('overlap against brute force', async (t) => {
  // Two patterns of up to three characters have a common text of at most six, if they have one.
  const all = texts('ab', 6);
  const patterns = texts('ab*', 3);
  const covered = new Map(
    patterns.map((pattern) => [pattern, all.map((text) => matchesByDefinition(pattern, text))]),
  );
  const wrong: string[] = [];
  for (const a of patterns) {
    for (const b of patterns) {
      const expected = covered.get(a)?.some((covers, index) => covers && covered.get(b)?.[index]) ?? false;
      if (patternsOverlap(a, b) !== expected) wrong.push(`${a} ${b}`);
    }
  }
  t.same(wrong, []);
});

void t.test('selectors overlap where all of their parts do', async (t) => {
  t.ok(overlap({ topic: 'a' }, { topic: 'a', subTopic: 'x' }));
  t.ok(overlap({ topic: 'a', subTopic: 'x*' }, { topic: '*', subTopic: '*y', tenantId: 't' }));
  t.notOk(overlap({ topic: 'a', tenantId: 't' }, { topic: 'a', tenantId: 'u' }));
  t.notOk(overlap({ topic: 'a' }, { topic: 'b' }));
});

void t.test('which is the more specific', async (t) => {
  const inOrder: Selector[] = [
    { topic: 'orders/placed', subTopic: 'product:adv/1', tenantId: 'OU1' },
    { topic: 'orders/placed', subTopic: 'product:adv/1', tenantId: 'OU*' },
    { topic: 'orders/placed', subTopic: 'product:adv/1' },
    { topic: 'orders/placed', subTopic: 'product:adv/*', tenantId: 'OU1' },
    { topic: 'orders/placed', subTopic: 'product:adv/*' },
    { topic: 'orders/placed', subTopic: 'product:*' },
    { topic: 'orders/placed', tenantId: 'OU1' },
    { topic: 'orders/placed' },
    { topic: 'orders/*', subTopic: 'product:adv/1', tenantId: 'OU1' },
    { topic: 'orders/*' },
    { topic: 'o*' },
    { topic: '*', subTopic: 'x' },
    { topic: '*', tenantId: 'OU1' },
    { topic: '*' },
  ];
  const shuffled = inOrder.map((_, index) => inOrder[(index * 5) % inOrder.length] as Selector);
  t.equal(new Set(shuffled).size, inOrder.length);
  t.same(shuffled.sort(compareSpecificity), inOrder);
  for (const a of inOrder) {
    for (const b of inOrder)
      t.equal(compareSpecificity(a, b) + compareSpecificity(b, a), 0, 'one way round or the other');
  }
  t.equal(compareSpecificity({ topic: '*' }, { topic: '*', subTopic: '*' }), 0, 'anything is anything');
});
