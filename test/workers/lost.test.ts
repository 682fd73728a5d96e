/** Who has lost its worker, and who was only out of touch, as the script decides it: the clock is turned, nothing else. */
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { giveBackLost, OUT_OF_TOUCH, WINDOW } from '../../workers/stalled.lua.js';
import { openStore } from '../support/store.js';

const { url, prefix } = await openStore(t);
const redis = new Redis(url, { maxRetriesPerRequest: null });
const base = `${prefix}:petstore:`;
const queue = new Queue('petstore', { connection: redis, prefix });
const holder = new Worker('petstore', null, {
  connection: redis,
  prefix,
  autorun: false,
  lockDuration: 86_400_000,
  skipLockRenewal: true,
});
t.teardown(async () => {
  await holder.close(true);
  await queue.close();
  redis.disconnect();
});

const look = (maxStalled = 5) => giveBackLost(redis, base, maxStalled);

async function take(name: string): Promise<Job> {
  await queue.add(name, {}, { jobId: name });
  return next(`token of ${name}`);
}

async function next(token: string): Promise<Job> {
  const job = await holder.getNextJob(token, { block: false });
  if (!job) throw new Error('nothing waits');
  return job;
}

/** As if somebody had looked last, and those in hand had been marked, so many milliseconds ago. */
async function ago(seen: number, marked: number): Promise<void> {
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  const now = seconds * 1_000 + Math.floor(micros / 1_000);
  await redis.set(`${base}stalled-check`, `${now - seen} ${now - marked}`, 'PXAT', now - seen + OUT_OF_TOUCH);
}

void t.test(
  'nothing renewed for a whole window: given back, and its worker can end nothing any more',
  async (t) => {
    const [lost, alive] = [await take('lost'), await take('alive')];
    t.same(await look(), [], 'the first look marks them only');
    await alive.extendLock('token of alive', 86_400_000);
    await ago(1_000, WINDOW - 1_000);
    t.same(await look(), [], 'the window is not over');
    await ago(1_000, WINDOW);
    t.same(await look(), ['lost']);
    t.equal(await lost.getState(), 'waiting');
    t.equal((await queue.getJob('lost'))?.stalledCounter, 1);
    await t.rejects(lost.moveToCompleted(null, 'token of lost', false), { message: /Missing lock/ });
    await alive.moveToCompleted(null, 'token of alive', false);
    t.equal(await alive.getState(), 'completed');

    const again = await next('token of another');
    t.equal(again.id, 'lost');
    await t.rejects(lost.moveToCompleted(null, 'token of lost', false), { message: /Lock mismatch/ });
    await again.moveToCompleted(null, 'token of another', false);
  },
);

void t.test('nobody looked for a while: nobody could have renewed, and a new window begins', async (t) => {
  const job = await take('in hand');
  await ago(1_000, WINDOW);
  t.same(await look(), [], 'it was not marked before');
  await ago(OUT_OF_TOUCH + 1_000, WINDOW + 60_000);
  t.same(await look(), [], 'Redis was away for a minute');
  await ago(1_000, WINDOW - 1_000);
  t.same(await look(), []);
  await ago(1_000, WINDOW);
  t.same(await look(), ['in hand'], 'nobody renewed it in the new window either');
  await (await next('token')).moveToCompleted(null, 'token', false);
  t.equal(await job.getState(), 'completed');
});

void t.test(
  'a clock that steps back, and what another BullMQ has left there, begin a new window',
  async (t) => {
    const job = await take('stepped');
    await look();
    await ago(-60_000, -60_000);
    t.same(await look(), []);
    await ago(1_000, WINDOW);
    await redis.set(`${base}stalled-check`, String(Date.now()), 'PX', 5_000);
    t.same(await look(), []);
    t.match(await redis.get(`${base}stalled-check`), /^\d{13} \d{13}$/);
    t.equal(await job.getState(), 'active');
    await job.moveToCompleted(null, 'token of stepped', false);
  },
);

void t.test('workers of an earlier version look for themselves as soon as ours are gone', async (t) => {
  const job = await take('left');
  await redis.del(`${base}left:lock`);
  await look();
  const backend = holder.getBackend();
  t.same(await backend.moveStalledJobsToWait(), [], 'ours look');
  t.ok((await redis.pttl(`${base}stalled-check`)) <= OUT_OF_TOUCH);
  for (const found of [[], ['left']]) {
    await redis.del(`${base}stalled-check`);
    t.same(
      await backend.moveStalledJobsToWait(),
      found,
      'marked by the first look, given back by the second',
    );
  }
  await (await next('token')).moveToCompleted(null, 'token', false);
  t.equal(await job.getState(), 'completed');
});

void t.test('what has killed too many workers is failed by the next one', async (t) => {
  await take('deadly');
  await ago(1_000, WINDOW);
  t.same(await look(), []);
  await ago(1_000, WINDOW);
  t.same(await look(0), ['deadly']);
  t.match(await redis.hget(`${base}deadly`, 'defa'), /stalled more than allowable limit/);
});
