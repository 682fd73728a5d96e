/** What accepting leaves in Redis is what BullMQ's own add leaves, beside the number of the event. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import {
  ACCEPT,
  acceptArguments,
  acceptKeys,
  type AcceptTarget,
  type NewJob,
} from '../../lib/queue/accept-script.js';
import type { QueueEvents } from '../../lib/queue/queue-events.js';
import { openStore } from '../support/store.js';

const { url, prefix } = await openStore(t);
const redis = new Redis(url);
t.teardown(() => redis.disconnect());

const WINDOW = 60_000;
const OPTS = { attempts: 1_000, backoff: { type: 'handler' } };
const TIMESTAMP = 1_790_000_000_123;
const DATA = JSON.stringify({ id: 'ü', rawBody: '{"a":"\\u0000 / \\" é"}' });

interface Side {
  queue: Queue;
  add: (...events: Array<Pick<NewJob, 'jobId' | 'dedupeKey'>>) => Promise<unknown[]>;
}

interface Ours {
  connection?: Redis;
  events?: QueueEvents;
}

function ours(name: string, { connection = redis, events = 'all' }: Ours = {}): Side {
  const queue = new Queue(name, { connection: redis, prefix });
  const target: AcceptTarget = { base: `${prefix}:${name}:`, dedupeWindow: WINDOW, opts: OPTS, events };
  return {
    queue,
    add: async (...events) => {
      const jobs = events.map((event) => ({ ...event, name: 'a/topic', timestamp: TIMESTAMP, data: DATA }));
      const answers = await ACCEPT.run(connection, acceptKeys(target), acceptArguments(target, 0, jobs));
      return answers as unknown[];
    },
  };
}

function bullMq(name: string): Side {
  const queue = new Queue(name, { connection: redis, prefix });
  return {
    queue,
    add: async (...events) => {
      const added: unknown[] = [];
      for (const { jobId, dedupeKey } of events) {
        const deduplication = { id: dedupeKey, ttl: WINDOW };
        const opts = { ...OPTS, jobId, timestamp: TIMESTAMP, deduplication };
        added.push((await queue.add('a/topic', JSON.parse(DATA), opts)).id);
      }
      return added;
    },
  };
}

/** Every key of a queue with what is in it; what may differ is left out or made alike. */
async function contents({ queue }: Side): Promise<Record<string, unknown>> {
  const base = `${prefix}:${queue.name}:`;
  const found: Record<string, unknown> = {};
  for (const key of (await redis.keys(`${base}*`)).sort()) {
    const suffix = key.slice(base.length);
    // Ours counts its events in `seq`, and takes no number for a job that has a name.
    if (suffix === 'id' || suffix === 'seq') continue;
    found[suffix] = await read(key);
  }
  return found;
}

async function read(key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'string') {
    const left = await redis.pttl(key);
    return { value: await redis.get(key), ends: left > WINDOW - 30_000 && left <= WINDOW };
  }
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'zset') return redis.zrange(key, '0', '-1', 'WITHSCORES');
  if (type === 'stream') return (await redis.xrange(key, '-', '+')).map(([, fields]) => fields);
  const { opts, seq: _seq, version: _version, ...fields } = await redis.hgetall(key);
  if (!opts) return fields;
  // BullMQ's `add` repeats in them what the job has by itself.
  const { jobId: _id, timestamp: _time, ...used } = JSON.parse(opts) as Record<string, unknown>;
  return { ...fields, opts: used };
}

const a = { jobId: 'a~1', dedupeKey: 'id "a" / é' };
const b = { jobId: 'b~1', dedupeKey: 'b' };

const CASES: Record<string, (side: Side) => Promise<unknown>> = {
  'one event': ({ add }) => add(a),
  'several at once': ({ add }) => add(a, b, { jobId: 'c~1', dedupeKey: 'c' }),
  'the same event again': async ({ add }) => [await add(a), await add({ ...a, jobId: 'a~2' })],
  'twice in one batch': ({ add }) => add(a, { ...a, jobId: 'a~2' }, b),
  'the same try again': async ({ add }) => [await add(a, b), await add(a)],
  'a paused queue': async ({ queue, add }) => {
    await queue.pause();
    return add(a);
  },
  'a queue with as many in hand as it may': async ({ queue, add }) => {
    await queue.setGlobalConcurrency(1);
    await redis.lpush(`${prefix}:${queue.name}:active`, 'other');
    return add(a);
  },
  'a queue with room': async ({ queue, add }) => {
    await queue.setGlobalConcurrency(2);
    await redis.lpush(`${prefix}:${queue.name}:active`, 'other');
    return add(a);
  },
  'a job whose webhook id is forgotten': async ({ queue, add }) => {
    await add(a);
    await redis.del(`${prefix}:${queue.name}:de:${a.dedupeKey}`);
    return add(a);
  },
  'an id whose job is gone': async ({ queue, add }) => {
    await add(a);
    await redis.del(`${prefix}:${queue.name}:${a.jobId}`);
    return add(a, { ...a, jobId: 'a~2' });
  },
};

for (const [name, run] of Object.entries(CASES)) {
  void t.test(name, async (t) => {
    const suffix = Math.random().toString(36).slice(2);
    const sides = [ours(`ours-${suffix}`), bullMq(`theirs-${suffix}`)] as const;
    t.teardown(() => Promise.all(sides.map(({ queue }) => queue.close())));
    const [own, theirs] = [await run(sides[0]), await run(sides[1])];
    t.same(own, theirs, 'answers');
    const left = await contents(sides[0]);
    t.same(left, await contents(sides[1]), 'what is left');
    t.ok(Object.keys(left).length >= 3, 'something is');
  });
}

void t.test('without being asked to, accepting tells the event stream nothing', async (t) => {
  const [told, silent] = [ours('told'), ours('silent', { events: 'handling' })];
  t.teardown(() => Promise.all([told.queue.close(), silent.queue.close()]));
  const accept = async ({ add }: Side) => [await add(a, b, { ...a, jobId: 'a~2' }), await add(b)];
  t.same(await accept(silent), await accept(told), 'answers');
  const { events, ...others } = await contents(told);
  t.match(events, { length: 6 }, 'two for each event, one for each duplicate');
  t.same(await contents(silent), others, 'all else is the same');
});

void t.test('one that Redis refuses is undone, and the others are taken', async (t) => {
  const { queue, add } = ours('refused');
  t.teardown(() => queue.close());
  const base = `${prefix}:refused:`;
  // Where its webhook id is to be remembered there is something else: SET NX says "taken", GET fails.
  await redis.lpush(`${base}de:b`, 'x');
  const c = { jobId: 'c~1', dedupeKey: 'c' };
  const answers = await add(a, b, c);
  t.match(answers, ['a~1', [/WRONGTYPE/], 'c~1']);
  t.same(await redis.lrange(`${base}wait`, 0, -1), ['c~1', 'a~1']);
  t.equal(await redis.hget(`${base}c~1`, 'seq'), '2', 'no number is left out');

  // The job of this one cannot be put into the list: nothing of it stays, so that its sender may come again.
  await redis.rename(`${base}wait`, `${base}elsewhere`);
  await redis.set(`${base}wait`, 'x');
  const d = { jobId: 'd~1', dedupeKey: 'd' };
  t.match(await add(d), [[/WRONGTYPE/]]);
  t.equal(await redis.exists(`${base}d~1`, `${base}de:d`), 0);
  // Nor may the answer to a second delivery in the same batch be that the first one is there.
  t.match(await add(d, { jobId: 'e~1', dedupeKey: 'e' }, { ...d, jobId: 'd~2' }, { ...c, jobId: 'c~2' }), [
    [/WRONGTYPE/],
    [/WRONGTYPE/],
    [/WRONGTYPE/],
    'c~1',
  ]);
  t.equal(await redis.exists(`${base}d~1`, `${base}de:d`, `${base}e~1`, `${base}de:e`), 0);
  await redis.rename(`${base}elsewhere`, `${base}wait`);
  t.same(await add(d), ['d~1']);
  t.equal(await redis.hget(`${base}d~1`, 'seq'), '3');
});

for (const command of ['lpush', 'hset']) {
  void t.test(
    `without ${command.toUpperCase()} all is undone, although this user may not run DEL either`,
    async (t) => {
      const name = `no-${command}`;
      const { queue, add: addAsAny } = ours(name);
      const user = `${name}-${prefix}`;
      await redis.call('ACL', 'SETUSER', user, 'reset', 'on', '>x', '~*', '+@all', `-${command}`, '-del');
      const limited = redis.duplicate({ username: user, password: 'x', enableReadyCheck: false });
      t.teardown(async () => {
        limited.disconnect();
        await Promise.all([queue.close(), redis.call('ACL', 'DELUSER', user)]);
      });
      const { add } = ours(name, { connection: limited, events: 'handling' });
      const refused = [/can't run|ACL|permission/i];
      // Another delivery of the same event, and the same one once more, in one batch and in two.
      const tries = [a, { ...a, jobId: 'a~2' }, a, b];
      t.match(await Promise.all([add(...tries), add(...tries)]), [
        tries.map(() => refused),
        tries.map(() => refused),
      ]);
      t.same(await redis.keys(`${prefix}:${name}:*~*`), [], 'no job is left');
      t.same(await addAsAny(a, b), ['a~1', 'b~1'], 'they can come again');
      t.same(await redis.lrange(`${prefix}:${name}:wait`, 0, -1), ['b~1', 'a~1']);
      t.same(await redis.hmget(`${prefix}:${name}:b~1`, 'name', 'seq'), ['a/topic', '2']);
    },
  );
}

void t.test('a user that may do no more than what BullMQ asks of it', async (t) => {
  const { queue } = ours('rights');
  const user = `rights-${prefix}`;
  const commands = ['get', 'set', 'exists', 'hget', 'hset', 'hmget', 'xadd', 'lpush', 'llen', 'zadd'];
  const rights = ['evalsha', 'eval', ...commands].map((command) => `+${command}`);
  await redis.call('ACL', 'SETUSER', user, 'reset', 'on', '>x', '~*', ...rights);
  const limited = redis.duplicate({ username: user, password: 'x', enableReadyCheck: false });
  t.teardown(async () => {
    limited.disconnect();
    await Promise.all([queue.close(), redis.call('ACL', 'DELUSER', user)]);
  });
  const { add } = ours('rights', { connection: limited });
  const c = { jobId: 'c~1', dedupeKey: 'c' };
  t.same([await add(a, b).catch(String), await add(c).catch(String)], [['a~1', 'b~1'], ['c~1']]);
  const base = `${prefix}:rights:`;
  const numbers = await Promise.all([a, b, c].map(({ jobId }) => redis.hget(`${base}${jobId}`, 'seq')));
  t.same(numbers, ['1', '2', '3'], 'none is given twice');
  t.equal(await redis.get(`${base}seq`), '3');
});
