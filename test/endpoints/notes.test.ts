/** Which note of a subscription counts, when several messages are dealt with in any order. */
import { Redis } from 'ioredis';
import t from 'tap';
import { PermanentError, type HandlerContext } from '../../lib/handler.js';
import { silentLog } from '../../lib/log.js';
import { openNotes, type Notes } from '../../lib/notes.js';
import { readSubscriptions, SubscriptionNote } from '../../lib/sns/subscriptions.js';
import { openStore } from '../support/store.js';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:pce-events';
const store = await openStore(t);
const redis = new Redis(store.url);
t.teardown(() => redis.disconnect());

let count = 0;
const fresh = (): Notes => openNotes(redis, `${store.prefix}-${(count += 1)}`, 'pce');
const at = (minute: number) => `2025-01-06T16:${String(minute).padStart(2, '0')}:00.000Z`;

function context(attempt = 1, jobId = 'job'): HandlerContext {
  const step = () => Promise.reject(new Error('a confirmation has no steps'));
  return {
    log: silentLog,
    signal: new AbortController().signal,
    attempt,
    maxAttempts: 3,
    jobId,
    traceHeaders: {},
    step,
  };
}

function note(notes: Notes | undefined, minute = 1, ctx = context()): SubscriptionNote {
  return new SubscriptionNote(notes, { TopicArn: TOPIC, Timestamp: at(minute) }, ctx);
}

const succeed = async () => {};
const fail = (error: Error) => async () => {
  throw error;
};

void t.test('one message', async (t) => {
  const notes = fresh();
  const state = async () => (await readSubscriptions(notes)).get(TOPIC);
  t.equal(await state(), undefined);
  await t.rejects(note(notes).confirmation(fail(new Error('busy'))), { message: 'busy' });
  t.match(await state(), { state: 'pending', reason: 'busy', jobId: 'job', messageAt: at(1) });
  await t.rejects(note(notes, 1, context(3)).confirmation(fail(new Error('busy'))));
  t.match(await state(), { state: 'failed', reason: 'busy' }, 'at the last attempt');
  await note(notes).confirmation(succeed);
  t.match(await state(), { state: 'confirmed' });
  t.equal((await state())?.reason, undefined);
  await t.rejects(note(fresh()).confirmation(fail(new PermanentError('expired'))));
});

void t.test('the other leg of the handshake is no step back', async (t) => {
  const notes = fresh();
  await note(notes).confirmation(succeed);
  let during: string | undefined;
  await note(notes).confirmation(async () => {
    during = (await readSubscriptions(notes)).get(TOPIC)?.state;
  });
  t.equal(during, 'confirmed');
});

void t.test('an older message counts only if it succeeds', async (t) => {
  const notes = fresh();
  await note(notes, 5).confirmation(succeed);
  await t.rejects(note(notes, 2).confirmation(fail(new PermanentError('expired'))));
  t.match((await readSubscriptions(notes)).get(TOPIC), { state: 'confirmed', messageAt: at(5) });
  await note(notes, 9).write('unsubscribed');
  await t.rejects(note(notes, 2).confirmation(fail(new PermanentError('expired'))));
  t.match((await readSubscriptions(notes)).get(TOPIC), { state: 'unsubscribed' });
  await note(notes, 2).confirmation(succeed);
  t.match((await readSubscriptions(notes)).get(TOPIC), { state: 'confirmed' });
});

void t.test('notes that cannot be written, or read', async (t) => {
  await note(undefined).confirmation(succeed);
  const broken: Notes = {
    write: async () => Promise.reject(new Error('Redis is away')),
    read: async () => Promise.reject(new Error('Redis is away')),
  };
  await note(broken).confirmation(succeed);
  t.pass('a confirmation does not fail for them');
  const notes = fresh();
  await redis.hset(`${store.prefix}-${count}:notes:pce`, TOPIC, 'no JSON', 'arn:b', '{"state":"odd"}');
  t.equal((await readSubscriptions(notes)).size, 0);
});
