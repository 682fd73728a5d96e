/** Replays and discards of many: bounded, stoppable, resumable, and never twice. */
import t, { type Test } from 'tap';
import { apply } from '../../lib/deliveries/operations.js';
import { preview, runSession } from '../../lib/deliveries/bulk.js';
import type { Filter } from '../../lib/deliveries/schema.js';
import {
  createSession,
  listSessions,
  readSession,
  resumeSession,
  sessionKey,
  stopSession,
  type Session,
} from '../../lib/deliveries/sessions.js';
import type { DeliveryStore } from '../../lib/deliveries/store.js';
import { openStore } from '../support/store.js';
import { addFinished } from './jobs.js';
import { openDeliveries } from './support.js';

const server = await openStore(t);
const START = Date.UTC(2026, 0, 31);
/** As fast as it goes. */
const RATE = 10_000;
let counter = 0;

async function own(t: Test): Promise<DeliveryStore> {
  counter += 1;
  return openDeliveries(t, { url: server.url, prefix: `${server.prefix}-${counter}` });
}

/** So many failed jobs of a topic, oldest first. */
function addFailed(store: DeliveryStore, count: number, topic = 'pet.adopted'): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_one, number) => ({
    id: `${topic}_${number}`,
    source: number % 2 ? 'petstore' : 'pce',
    state: 'failed' as const,
    topic,
    receivedAt: START + number,
    endedAt: START + Math.floor(number / 3),
  }));
  return addFinished(store.redis, store.prefix, jobs);
}

async function begin(store: DeliveryStore, filter: Filter, changes: Partial<Session> = {}): Promise<Session> {
  const { cutoff, total } = await preview(store, filter);
  return createSession(store, {
    action: 'replay',
    filter,
    by: 'cli:me',
    rate: RATE,
    keepId: false,
    cutoff,
    total,
    ...changes,
  });
}

const never = () => new AbortController().signal;

/** The jobs that wait to be handled, the next one first: a job that is there twice would be handled twice. */
async function waiting(store: DeliveryStore): Promise<string[]> {
  const lists = await Promise.all(
    ['pce', 'petstore'].map((source) => store.redis.lrange(`${store.prefix}:${source}:wait`, 0, -1)),
  );
  return lists.flat().toReversed();
}

void t.test('replays what matches, the longest failed first, and nothing else', async (t) => {
  const store = await own(t);
  const wanted = await addFailed(store, 1_201);
  const others = await addFailed(store, 50, 'pet.sold');
  const seen = await preview(store, { topic: 'pet.adopted' });
  t.match(seen, { total: 1_201, first: { length: 5 } });
  const session = await begin(store, { topic: 'pet.adopted', source: 'pce' });
  t.equal(session.total, 601);
  const progress: number[] = [];
  const ending = await runSession(store, session, {
    signal: never(),
    onProgress: ({ done }) => progress.push(done),
  });
  t.equal(ending, 'done');
  t.same(
    progress,
    progress.toSorted((a, b) => a - b),
  );
  t.equal(progress.at(-1), 601);
  // Jobs that failed in the same millisecond have no order; a third of them did so together.
  const numberOf = (jobId: string) => Math.floor(Number(/_(\d+)~/.exec(jobId)?.[1]) / 3);
  const numbers = (await waiting(store)).map(numberOf);
  t.same(
    numbers,
    numbers.toSorted((a, b) => a - b),
    'in the order of their failing',
  );
  t.match(await readSession(store, session.id), {
    status: 'done',
    done: 601,
    skipped: 0,
    interrupted: false,
  });
  await t.rejects(resumeSession(store, session.id), { code: 'HKL_ERR_SESSION_ENDED' });

  const rest = await begin(store, { topic: 'pet.adopted' });
  await runSession(store, rest, { signal: never() });
  t.same((await waiting(store)).toSorted(), wanted.toSorted());
  const failed = await store.redis.zcard(`${store.prefix}:petstore:failed`);
  t.equal(failed + (await store.redis.zcard(`${store.prefix}:pce:failed`)), others.length);
  t.match(
    (await listSessions(store, 1)).map(({ id }) => id),
    [rest.id],
    'listed, the newest first',
  );
});

void t.test('stopped anywhere and resumed, each once', async (t) => {
  const store = await own(t);
  const jobIds = await addFailed(store, 900);
  const session = await begin(store, {}, { rate: 300 });
  let current: Session = session;
  let stops = 0;
  for (let ending = ''; ending !== 'done';) {
    const stop = new AbortController();
    let left = 1 + ((stops * 7) % 5);
    ending = await runSession(store, current, {
      signal: stop.signal,
      onProgress: () => void ((left -= 1) === 0 && stop.abort()),
    });
    if (ending === 'done') break;
    t.equal(ending, 'stopped');
    stops += 1;
    t.match(await readSession(store, session.id), { status: 'stopped' });
    current = await resumeSession(store, session.id, { rate: stops > 6 ? RATE : 300 });
  }
  t.ok(stops > 3, `${stops} stops`);
  t.same((await waiting(store)).toSorted(), jobIds.toSorted());
  t.match(await readSession(store, session.id), { status: 'done', done: 900, skipped: 0 });
});

void t.test('a runner that died is taken over from its last note, or from none', async (t) => {
  const store = await own(t);
  const jobIds = await addFailed(store, 700);
  const session = await begin(store, {}, { rate: 1_000 });
  // It dies with everything done so far written and nothing noted: the worst moment.
  const stop = new AbortController();
  await runSession(store, session, {
    signal: stop.signal,
    onProgress: ({ done }) => done >= 300 && stop.abort(),
  });
  await store.redis.hdel(sessionKey(store, session.id), 'after');
  await store.redis.hset(sessionKey(store, session.id), {
    status: 'running',
    updatedAt: '2026-01-31T00:00:00.000Z',
  });
  t.match(await readSession(store, session.id), { status: 'running', interrupted: true });
  const resumed = await resumeSession(store, session.id, { rate: RATE });
  t.equal(resumed.after, undefined);
  t.equal(await runSession(store, resumed, { signal: never() }), 'done');
  t.same((await waiting(store)).toSorted(), jobIds.toSorted());
  t.equal((await readSession(store, session.id)).done, 700);
});

void t.test('what failed again is left alone, even by a clock that is slow', async (t) => {
  const store = await own(t);
  const jobIds = await addFailed(store, 40);
  const session = await begin(store, {}, { rate: 100 });
  const stop = new AbortController();
  await runSession(store, session, {
    signal: stop.signal,
    onProgress: ({ done }) => done >= 20 && stop.abort(),
  });
  const replayed = await waiting(store);
  t.equal(replayed.length, 20);
  // A worker an hour behind fails them all again: by their times they failed before the session began.
  for (const jobId of replayed) {
    for (const source of ['pce', 'petstore']) {
      const base = `${store.prefix}:${source}:`;
      if ((await store.redis.lrem(`${base}wait`, 1, jobId)) === 0) continue;
      const at = session.cutoff - 3_600_000;
      await store.redis.hset(`${base}${jobId}`, { finishedOn: at, failedReason: 'again', atm: 1 });
      await store.redis.zadd(`${base}failed`, at, jobId);
    }
  }
  await addFinished(store.redis, store.prefix, [
    {
      id: 'late',
      source: 'pce',
      state: 'failed',
      topic: 'pet.adopted',
      receivedAt: Date.now(),
      endedAt: session.cutoff + 60_000,
    },
  ]);
  await store.redis.hdel(sessionKey(store, session.id), 'after');
  const resumed = await resumeSession(store, session.id, { rate: RATE });
  t.equal(await runSession(store, resumed, { signal: never() }), 'done');
  const rest = await waiting(store);
  t.same(
    [...replayed, ...rest].toSorted(),
    jobIds.toSorted(),
    'each once over the session, and not what failed later',
  );
  t.match(await readSession(store, session.id), { done: 40, skipped: 20 });
  const again = await begin(store, { reason: 'again' });
  await runSession(store, again, { signal: never() });
  t.equal((await readSession(store, again.id)).done, 20, 'another session may');
});

void t.test('two that run one session, and a stop from elsewhere', async (t) => {
  const store = await own(t);
  const jobIds = await addFailed(store, 600);
  const session = await begin(store, {}, { rate: 600 });
  let second: Promise<string> | undefined;
  const first = await runSession(store, session, {
    signal: never(),
    onProgress: ({ done }) => {
      if (done < 100 || second) return;
      second = resumeSession(store, session.id, { rate: 200 }).then((taken) =>
        runSession(store, taken, {
          signal: never(),
          onProgress: (progress) =>
            void (progress.done >= 160 && stopSession(store, session.id).catch(() => undefined)),
        }),
      );
    },
  });
  t.equal(first, 'taken', 'who was taken over from stops');
  t.equal(await second, 'stopped', 'who is told to stop does');
  const { done, status } = await readSession(store, session.id);
  t.equal(status, 'stopped');
  t.equal(done, (await waiting(store)).length);
  t.ok(done >= 160 && done < 600, `${done} were done`);
  await runSession(store, await resumeSession(store, session.id, { rate: RATE }), { signal: never() });
  t.same((await waiting(store)).toSorted(), jobIds.toSorted());
  await t.rejects(stopSession(store, session.id), { code: 'HKL_ERR_SESSION_ENDED' });
  await t.rejects(stopSession(store, 'nothing'), { code: 'HKL_ERR_UNKNOWN_SESSION' });
});

void t.test('a whole session twice at the same time', async (t) => {
  const store = await own(t);
  const jobIds = await addFailed(store, 500);
  const session = await begin(store, {});
  await Promise.all([1, 2, 3].map(() => runSession(store, { ...session }, { signal: never() })));
  t.same((await waiting(store)).toSorted(), jobIds.toSorted());
  t.equal((await readSession(store, session.id)).done, 500);
});

void t.test('discard', async (t) => {
  const store = await own(t);
  await addFailed(store, 300);
  const others = await addFailed(store, 10, 'pet.sold');
  const session = await begin(store, { topic: 'pet.adopted' }, { action: 'discard', keepId: true });
  await t.rejects(resumeSession(store, session.id, { action: 'replay' }), {
    code: 'HKL_ERR_UNKNOWN_SESSION',
  });
  t.equal(await runSession(store, session, { signal: never() }), 'done');
  t.same(await waiting(store), []);
  const left = await Promise.all(
    ['pce', 'petstore'].map((source) => store.redis.zrange(`${store.prefix}:${source}:failed`, '0', '-1')),
  );
  t.same(left.flat().toSorted(), others.toSorted());
  t.equal(
    await store.redis.get(`${store.prefix}:petstore:de:pet.adopted_1`).then((value) => value?.split('~')[0]),
    'discarded',
  );
  t.match(await store.redis.get(`${store.prefix}:petstore:de:pet.sold_1`), /^pet\.sold_1~/);
});

void t.test('the rate', async (t) => {
  const store = await own(t);
  await addFailed(store, 60);
  const started = performance.now();
  await runSession(store, await begin(store, {}, { rate: 100 }), { signal: never() });
  // The first ones go at once; the last ones may not go before their time, however fast the machine is.
  t.ok(performance.now() - started >= 480, 'no faster than asked for');
});

void t.test('what succeeded is taken only when it is asked for', async (t) => {
  const store = await own(t);
  await addFinished(store.redis, store.prefix, [
    { id: 'ok', source: 'pce', state: 'completed', topic: 'x', receivedAt: START, endedAt: START },
  ]);
  t.equal((await preview(store, { topic: 'x' })).total, 0);
  const session = await begin(store, { topic: 'x', state: 'completed' });
  t.equal(session.total, 1);
  await runSession(store, session, { signal: never() });
  t.match(await waiting(store), [/^ok~/]);
});

void t.test('what has changed since it was found is left as it is', async (t) => {
  const store = await own(t);
  const [jobId = ''] = await addFinished(store.redis, store.prefix, [
    { id: 'x', source: 'pce', state: 'failed', topic: 'x', receivedAt: START, endedAt: START },
  ]);
  const base = `${store.prefix}:pce:`;
  const data = await store.redis.hget(`${base}${jobId}`, 'data');
  const entry = { source: 'pce', shard: 0, state: 'failed' as const, jobId, endedAt: START };
  for (const action of ['replay', 'discard'] as const) {
    const session = await begin(store, {}, { action });
    t.same(
      await apply(store, session, [{ ...entry, endedAt: START - 1 }]),
      ['skipped'],
      `${action}: it failed again`,
    );
    t.same(
      await apply(store, session, [{ ...entry, state: 'completed' }]),
      ['skipped'],
      `${action}: another state`,
    );
    t.same(
      await apply(store, session, [{ ...entry, jobId: 'gone~1' }]),
      ['skipped'],
      `${action}: it has gone`,
    );
    t.match(await readSession(store, session.id), { done: 0, skipped: 3 });
  }
  t.equal(await store.redis.hget(`${base}${jobId}`, 'data'), data);
  t.equal(await store.redis.exists(`${base}gone~1`, `${base}wait`, `${base}${jobId}:logs`), 0);
  t.equal(await store.redis.zscore(`${base}failed`, jobId), String(START));
});
