import t, { type Test } from 'tap';
import { KeySet, type KeySetLimits } from '../../lib/jwt/key-set.js';
import { UnavailableError } from '../../lib/errors.js';
import { silentLog } from '../../lib/log.js';
import { DISCOVERY, hang, JWKS, json, makeClock, makeKeys, startIssuer, status, until } from './support.js';

const { a, b, c } = makeKeys(t, { a: 2048, b: 2048, c: 2048 });
const UNAVAILABLE = { code: 'HKL_ERR_KEYS_UNAVAILABLE', statusCode: 503 };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

async function setUp(t: Test, limits: Partial<KeySetLimits> = {}) {
  const issuer = await startIssuer(t);
  const clock = makeClock();
  const keys = new KeySet({ issuer: issuer.url, log: silentLog, now: clock.now, limits });
  t.teardown(() => keys.close());
  issuer.publish([a]);
  /** Fetches of the key set so far. */
  const fetches = () => issuer.count();
  return { issuer, clock, keys, fetches };
}

/** Lets everything run that does not wait for the network. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
}

void t.test('keys are fetched once, and then at hand', async (t) => {
  const { keys, fetches } = await setUp(t);
  t.equal(keys.peek('a'), undefined, 'nothing is known at first');
  const found = await Promise.all(Array.from({ length: 100 }, async () => keys.get('a')));
  t.ok(found.every((key) => key === found[0] && key?.pem === a.publicPem));
  t.equal(fetches(), 1, 'a hundred at once cost one fetch');
  t.equal(keys.peek('a'), found[0]);
});

void t.test('warming up spares the first delivery the wait', async (t) => {
  const { keys, issuer, fetches } = await setUp(t);
  await Promise.all([keys.warmUp(), keys.warmUp()]);
  t.ok(keys.peek('a'));
  t.equal(fetches(), 1);
  issuer.answers[JWKS] = status(500);
  await t.rejects(keys.warmUp(), /answered 500/);
  t.ok(keys.peek('a'), 'a failure takes nothing away');
});

void t.test('what came of each fetch is told', async (t) => {
  const issuer = await startIssuer(t);
  const outcomes: string[] = [];
  const keys = new KeySet({
    issuer: issuer.url,
    log: silentLog,
    onFetch: (outcome) => outcomes.push(outcome),
  });
  t.teardown(() => keys.close());
  issuer.publish([a]);
  await keys.warmUp();
  await keys.get('a');
  issuer.answers[JWKS] = status(500);
  await t.rejects(keys.warmUp(), /answered 500/);
  t.same(outcomes, ['ok', 'failed']);
});

void t.test('names that mean something elsewhere mean nothing here', async (t) => {
  const { keys } = await setUp(t);
  for (const kid of [
    '__proto__',
    'constructor',
    'toString',
    '../../../dev/null',
    "' OR 1=1",
    'http://127.0.0.1/',
  ]) {
    t.equal(await keys.get(kid), undefined, kid);
  }
});

void t.test('without any key nobody is refused', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t);
  for (const answer of [
    status(500),
    status(404),
    json({ keys: [] }),
    json('<html>'),
    status(302, { location: '/' }),
  ]) {
    issuer.answers[JWKS] = answer;
    await t.rejects(keys.get('a'), UNAVAILABLE);
    clock.advance(MINUTE);
  }
  const before = fetches();
  await t.rejects(keys.get('a'), UNAVAILABLE);
  for (let i = 0; i < 100; i++) await t.rejects(keys.get(`k${i}`), UNAVAILABLE);
  t.equal(fetches(), before + 1, 'a failing server is left alone for a moment');
  issuer.publish([a]);
  clock.advance(5 * SECOND);
  t.ok(await keys.get('a'), 'and found again within five seconds');
});

void t.test('a server that hangs holds nobody up for longer than the deadline', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t, { timeoutMs: 100 });
  issuer.answers[JWKS] = hang;
  await Promise.all(Array.from({ length: 20 }, () => t.rejects(keys.get('a'), UNAVAILABLE)));
  t.equal(fetches(), 1);
  clock.advance(MINUTE);
  delete issuer.answers[JWKS];
  issuer.answers[DISCOVERY] = hang;
  await t.rejects(keys.get('a'), UNAVAILABLE);
});

void t.test('keys are refreshed in the background before they run out', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t);
  await keys.warmUp();
  const first = keys.peek('a');
  clock.advance(8 * MINUTE - 1);
  keys.peek('a');
  await settle();
  t.equal(fetches(), 1, 'ten minutes unless the server says otherwise; not asked in the first eight');
  issuer.publish([a, b]);
  clock.advance(1);
  t.equal(keys.peek('a'), first, 'nobody waits');
  keys.peek('a');
  await until(() => keys.peek('b') !== undefined);
  t.equal(fetches(), 2);
  t.equal(keys.peek('a'), first, 'the same key stays the same object');
});

void t.test('Cache-Control is honoured, within bounds', async (t) => {
  const cases: Array<[cacheControl: string, lifetime: number]> = [
    ['max-age=7200', 2 * HOUR],
    ['max-age=1', MINUTE],
    ['no-store', MINUTE],
    ['max-age=99999999', DAY],
    ['public', 10 * MINUTE],
  ];
  for (const [cacheControl, lifetime] of cases) {
    const { keys, issuer, clock, fetches } = await setUp(t);
    issuer.publish([a], { 'cache-control': cacheControl });
    await keys.warmUp();
    clock.advance(lifetime * 0.8 - 1);
    keys.peek('a');
    await settle();
    t.equal(fetches(), 1, `${cacheControl}: kept`);
    clock.advance(1);
    keys.peek('a');
    await until(() => fetches() === 2);
    t.pass('refreshed');
  }
});

void t.test('after a long rest the server is asked before a key is used', async (t) => {
  const { keys, issuer, clock } = await setUp(t);
  await keys.warmUp();
  issuer.publish([b]);
  clock.advance(10 * MINUTE);
  t.equal(keys.peek('a'), undefined, 'not at once');
  t.equal(await keys.get('a'), undefined, 'it was revoked meanwhile');
  t.ok(await keys.get('b'));
});

void t.test('keys outlast a server that is down, up to a day past their lifetime', async (t) => {
  for (const answer of [
    status(503),
    hang,
    json({ keys: [] }),
    json({ keys: [], filler: 'x'.repeat(300_000) }),
  ]) {
    const { keys, issuer, clock } = await setUp(t, { timeoutMs: 500 });
    await keys.warmUp();
    issuer.answers[JWKS] = answer;
    for (let minutes = 15; minutes <= 60; minutes += 15) {
      clock.advance(15 * MINUTE);
      t.ok(await keys.get('a'), `after ${minutes} minutes`);
    }
    await t.rejects(keys.get('new'), UNAVAILABLE, 'of a new key nothing can be said');
    clock.advance(DAY - 50 * MINUTE - 1);
    t.ok(await keys.get('a'), 'to the last moment');
    clock.advance(1);
    await t.rejects(keys.get('a'), UNAVAILABLE, 'then no more');
    issuer.publish([a]);
    clock.advance(MINUTE);
    t.ok(await keys.get('a'), 'until it is back');
  }
});

void t.test('a server known to be down is not waited for', async (t) => {
  const { keys, issuer, clock } = await setUp(t);
  await keys.warmUp();
  issuer.answers[JWKS] = status(503);
  clock.advance(HOUR);
  t.ok(await keys.get('a'), 'the first one asks');
  issuer.answers[JWKS] = hang;
  clock.advance(30 * SECOND);
  t.ok(keys.peek('a'), 'the next ones do not');
  t.ok(keys.peek('a'));
  await until(() => issuer.count() === 3);
  t.equal(issuer.count(), 3, 'though the server is tried in the background, once at a time');
});

void t.test('a rotated key is found at once, however new the set is', async (t) => {
  const { keys, issuer, fetches } = await setUp(t);
  await keys.warmUp();
  issuer.publish([a, b]);
  t.ok(await keys.get('b'));
  issuer.publish([b, c]);
  t.ok(await keys.get('c'));
  t.equal(keys.peek('a'), undefined, 'what is gone is gone');
  t.equal(fetches(), 3);
});

void t.test('a kid that came during a fetch is judged by the next one', async (t) => {
  const { keys, issuer, fetches } = await setUp(t);
  let answerFirst: (() => void) | undefined;
  issuer.answers[JWKS] = (response, request) => {
    answerFirst = () => json({ keys: [a.jwk] })(response, request);
  };
  const first = keys.get('a');
  await until(() => answerFirst !== undefined);
  const second = keys.get('b');
  issuer.publish([a, b]);
  answerFirst?.();
  t.ok(await first);
  t.ok(await second, 'the first answer was older than the key');
  t.equal(fetches(), 2);
});

void t.test('an unknown kid is remembered for a minute', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t);
  await keys.warmUp();
  for (let i = 0; i < 25; i++) t.equal(await keys.get('x'), undefined);
  t.equal(fetches(), 2);
  clock.advance(MINUTE);
  issuer.publish([a, { ...b, jwk: { ...b.jwk, kid: 'x' } }]);
  t.ok(await keys.get('x'));
  t.equal(fetches(), 3);
});

void t.test('what was unknown is known as soon as any fetch brings it', async (t) => {
  const { keys, issuer } = await setUp(t);
  await keys.warmUp();
  t.equal(await keys.get('b'), undefined);
  issuer.publish([a, b]);
  t.equal(await keys.get('x'), undefined);
  t.ok(await keys.get('b'));
  issuer.publish([a]);
  t.equal(await keys.get('y'), undefined);
  issuer.publish([a, b]);
  t.ok(await keys.get('b'), 'and no longer remembered as unknown');
});

void t.test('10,000 random kids cost the server a handful of requests', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t);
  await keys.warmUp();
  const outcomes = { found: 0, absent: 0, unavailable: 0, other: 0 };
  const ask = async (kid: string) => {
    try {
      outcomes[(await keys.get(kid)) ? 'found' : 'absent'] += 1;
    } catch (error) {
      outcomes[error instanceof UnavailableError ? 'unavailable' : 'other'] += 1;
    }
  };
  for (let i = 0; i < 2_000; i++) await ask(`one after the other ${i}`);
  t.equal(fetches(), 1 + 6, 'the burst');
  t.same(
    outcomes,
    { found: 0, absent: 6, unavailable: 1_994, other: 0 },
    'nobody is refused without having been looked up',
  );
  await Promise.all(Array.from({ length: 8_000 }, (_, i) => ask(`all at once ${i}`)));
  t.equal(fetches(), 1 + 6);
  t.ok(keys.peek('a'), 'known keys are not affected');

  issuer.publish([a, b]);
  await t.rejects(keys.get('b'), UNAVAILABLE, 'a new key amid the flood: come again');
  for (let second = 0; second < 60; second += 1) {
    clock.advance(SECOND);
    await ask(`in second ${second}`);
  }
  t.equal(fetches(), 1 + 6 + 6, 'six a minute from then on');
  t.ok(await keys.get('b'), 'the flood itself brought the new key');
});

void t.test('thousands of unknown kids at once share one answer', async (t) => {
  const { keys, fetches } = await setUp(t);
  await keys.warmUp();
  const found = await Promise.all(Array.from({ length: 5_000 }, async (_, i) => keys.get(`k${i}`)));
  t.ok(found.every((key) => key === undefined));
  t.ok(fetches() <= 3, `${fetches()} fetches`);
});

void t.test('a kid of absurd length is not looked up', async (t) => {
  const { keys, fetches } = await setUp(t);
  await keys.warmUp();
  t.equal(await keys.get('x'.repeat(257)), undefined);
  t.equal(fetches(), 1);
});

void t.test('a key that another one has replaced under its kid', async (t) => {
  const { keys, issuer, clock, fetches } = await setUp(t);
  await keys.warmUp();
  const old = keys.peek('a');
  if (!old) throw new Error('no key');
  issuer.publish([{ ...b, jwk: { ...b.jwk, kid: 'a' } }]);
  t.equal(await keys.replacementOf(old), undefined, 'the set is new: not asked again');
  t.equal(fetches(), 1);
  clock.advance(30 * SECOND);
  const current = await keys.replacementOf(old);
  t.equal(current?.pem, b.publicPem);
  t.equal(await keys.replacementOf(old), current, 'known by now');
  if (!current) throw new Error('no key');
  for (let i = 0; i < 100; i++) t.equal(await keys.replacementOf(current), undefined);
  t.equal(fetches(), 2);
  issuer.answers[JWKS] = status(500);
  clock.advance(MINUTE);
  t.equal(await keys.replacementOf(current), undefined, 'a failure is no replacement');
  t.equal(keys.peek('a'), current);
});

void t.test('close ends what is under way', async (t) => {
  const { keys, issuer } = await setUp(t);
  issuer.answers[JWKS] = hang;
  const waiting = keys.get('a');
  await until(() => issuer.count() === 1);
  keys.close();
  await t.rejects(waiting, { ...UNAVAILABLE, cause: { reason: 'aborted' } });
});

void t.test('a change of keys is logged, and so is a failure', async (t) => {
  const issuer = await startIssuer(t);
  const lines: Array<[string, object, string]> = [];
  const log = {
    ...silentLog,
    info: (fields: object, message: string) => void lines.push(['info', fields, message]),
    warn: (fields: object, message: string) => void lines.push(['warn', fields, message]),
  };
  const keys = new KeySet({ issuer: issuer.url, log });
  issuer.publish([a]);
  await keys.warmUp();
  issuer.publish([{ ...b, jwk: { ...b.jwk, kid: 'a' } }, c]);
  await keys.warmUp();
  issuer.publish([c]);
  await keys.warmUp();
  issuer.answers[JWKS] = status(500);
  await t.rejects(keys.warmUp());
  await t.rejects(keys.warmUp());
  issuer.publish([c]);
  await keys.warmUp();
  issuer.answers[JWKS] = status(500);
  await t.rejects(keys.warmUp());
  t.equal(lines.length, 7);
  t.match(lines, [
    ['info', { kid: 'a' }, 'a key was added'],
    ['info', { kid: 'a' }, 'a key was replaced under its id'],
    ['info', { kid: 'c' }, 'a key was added'],
    ['info', { kid: 'a' }, 'a key was removed'],
    ['warn', { failures: 1, err: { message: /answered 500/ } }, 'the key set could not be fetched'],
    ['warn', { failures: 2 }, 'the key set could not be fetched'],
    ['warn', { failures: 1 }, 'the key set could not be fetched'],
  ]);
});
