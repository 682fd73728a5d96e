/** The checker sees each thing that it is there to see, and nothing where all is well. */
import t from 'tap';
import { check } from './checker.js';
import type { Exchange, History, Sent } from './history.js';

const OK: Exchange = { status: 200, said: 'accepted', retryAfter: undefined, milliseconds: 1 };
const LATER: Exchange = { status: 503, said: 'HKL_ERR_OVERLOADED', retryAfter: '5', milliseconds: 1 };
const CUT: Exchange = { status: undefined, said: 'ECONNRESET', retryAfter: undefined, milliseconds: 1 };

function sent(id: string, exchanges: Exchange[], more: Partial<Sent> = {}): Sent {
  return { id, key: undefined, forged: false, exchanges, givenUp: false, ...more };
}

function history(all: Sent[], ended: string[], jobs: Record<string, [string[], number?]> = {}): History {
  return {
    sent: new Map(all.map((one) => [one.id, one])),
    runs: ended.map((id) => ({ what: 'ended', id, pid: 1 })),
    queued: new Map(Object.entries(jobs).map(([id, [names, seq]]) => [id, { jobs: names, seq }])),
  };
}

const rules = (found: ReturnType<typeof check>) => found.map(({ rule }) => rule);

void t.test('all is well', (t) => {
  const all = [sent('a', [CUT, LATER, OK]), sent('b', [LATER])];
  t.same(check(history(all, ['a'], { a: [['a~1']] })), []);
  t.end();
});

void t.test('answered 200 and not handled', (t) => {
  const lost = history([sent('a', [OK])], [], { a: [['a~1']] });
  t.same(rules(check(lost)), ['lost']);
  t.same(check(lost, { lost: new Set(['a']) }), [], 'but for what Redis was made to lose');
  const begun: History = { ...lost, runs: [{ what: 'began', id: 'a', pid: 1 }] };
  t.same(rules(check(begun)), ['lost'], 'to begin is not to end');
  t.end();
});

void t.test('two jobs, two runs', (t) => {
  const twice = history([sent('a', [OK])], ['a', 'a'], { a: [['a~1', 'a~2']] });
  t.same(rules(check(twice)), ['two jobs', 'repeated']);
  t.same(rules(check(twice, { repeated: true })), ['two jobs']);
  t.end();
});

void t.test('answers after which a provider does not come again', (t) => {
  for (const status of [400, 401, 404, 413, 429]) {
    t.same(rules(check(history([sent('a', [{ ...LATER, status }])], []))), ['not retryable'], String(status));
  }
  t.same(rules(check(history([sent('a', [{ ...LATER, retryAfter: undefined }])], []))), ['not retryable']);
  t.same(rules(check(history([sent('a', [LATER], { givenUp: true })], []))), ['given up']);
  t.end();
});

void t.test('a forgery is refused, and nothing of it is kept', (t) => {
  const forged = { forged: true };
  const refused = { ...LATER, status: 401 };
  t.same(check(history([sent('a', [refused], forged)], [])), []);
  t.same(rules(check(history([sent('a', [OK], forged)], []))), ['forged']);
  t.same(rules(check(history([sent('a', [refused], forged)], ['a']))), ['forged']);
  t.end();
});

void t.test('order of a key', (t) => {
  const all = ['a', 'b', 'c'].map((id) => sent(id, [OK], { key: 'k' }));
  const jobs: Record<string, [string[], number]> = { a: [['a~1'], 1], b: [['b~1'], 2], c: [['c~1'], 3] };
  t.same(check(history(all, ['a', 'b', 'c'], jobs)), []);
  t.same(rules(check(history(all, ['b', 'a', 'c'], jobs))), ['order']);
  t.same(
    rules(check(history(all, ['a', 'b', 'a', 'c'], jobs), { repeated: true })),
    [],
    'the first end counts',
  );
  t.end();
});
