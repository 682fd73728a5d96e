/**
 * The receiver is killed again and again while deliveries come in: whatever was answered 200 is handled, and
 * nothing is queued twice. The moments are drawn from a seed; `KILL_SEED=<seed>` draws the same ones again,
 * `KILL_DEATHS=20` asks for more of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { isTaken, openLoad, tally, type Load } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, recorder, untilHandled } from './handlers.js';
import { freePort } from './relay.js';
import { countJobs, delivery, environmentOf, missing, moreThanOnce } from './support.js';

const PER_SECOND = 200;
/** Milliseconds between a receiver's start and its death. */
const LIFE = { least: 100, most: 700 };

const seed = Number(process.env['KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

const deaths = Number(process.env['KILL_DEATHS'] ?? 8);

t.setTimeout(480_000);
t.comment(`KILL_SEED=${seed}`);

void t.test(`${deaths} deaths of the receiver, a worker beside it`, async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const environment = environmentOf(store, handlers);
  await startHookline(t, { ...environment, ROLE: 'worker' });
  const { taken, answers } = await killOften(t, { ...environment, ROLE: 'receiver' }, deaths);

  const runs = await untilHandled(handlers, taken.size);
  const jobs = await countJobs(store);
  tell(t, answers, { taken: taken.size, jobs: jobs.size, handled: runs.size });
  t.same(missing(taken, runs), [], 'every delivery answered 200 was handled');
  t.same(missing(taken, jobs), [], 'every delivery answered 200 has its job');
  t.same(moreThanOnce(jobs), [], 'no webhook id was queued twice');
  t.same(moreThanOnce(runs), [], 'none was handled twice');
  t.same(missing(runs.keys(), taken), [], 'none was handled that was not answered 200');
});

// A handler that has begun when its process is killed is run again: at least once, not exactly once.
void t.test('3 deaths of receiver and worker in one process', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder({ milliseconds: 100 }) });
  const environment = { ...environmentOf(store, handlers), ROLE: 'all' };
  const { taken, answers, survivor } = await killOften(t, environment, 3);

  const runs = await untilHandled(handlers, taken.size);
  const jobs = await countJobs(store);
  const repeated = moreThanOnce(runs).length;
  const cut = survivor.lines.filter(({ msg }) => /with this event in hand/.test(String(msg))).length;
  tell(t, answers, { taken: taken.size, jobs: jobs.size, handled: runs.size, cut, repeated });
  t.same(missing(taken, runs), [], 'every delivery answered 200 was handled at least once');
  t.same(missing(taken, jobs), [], 'every delivery answered 200 has its job');
  t.same(moreThanOnce(jobs), [], 'no webhook id was queued twice');
});

/** Starts a process on one port and kills it under load, `deaths` times; one more lives until all is answered. */
async function killOften(t: Test, environment: Record<string, string>, deaths: number) {
  const port = await freePort();
  const moments = drawMoments(deaths);
  t.comment(`milliseconds of life: ${moments.join(' ')}`);
  const start = () => startHookline(t, { ...environment, PORT: String(port) });
  const load = openLoad(t, { addresses: [`http://127.0.0.1:${port}`], connections: 16 });

  let receiver = await start();
  const stop = load.sendSteadily(() => delivery(), PER_SECOND);
  for (const moment of moments) {
    await sleep(moment);
    receiver.child.kill('SIGKILL');
    if ((await receiver.exited) !== 'SIGKILL') t.fail('it ended by itself', { stderr: receiver.stderr() });
    receiver = await start();
  }
  await stop();

  const taken = new Set([...load.answers].filter(([, all]) => all.some(isTaken)).map(([id]) => id));
  t.ok(tally(load.answers)['ECONNREFUSED'], 'deliveries were sent while nothing listened');
  t.ok(taken.size > deaths, 'there was load');
  t.equal(taken.size, load.answers.size, 'every delivery was answered 200 in the end');
  const twice = [...load.answers].filter(([, all]) => all.filter((one) => one === 'accepted').length > 1);
  t.same(twice, [], 'no webhook id was called new twice');
  return { taken, answers: load.answers, survivor: receiver };
}

function drawMoments(count: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => Math.round(LIFE.least + (LIFE.most - LIFE.least) * random()));
}

/** A small generator of numbers from 0 to 1 that repeats itself for the same seed (Tommy Ettinger's mulberry32). */
function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function tell(t: Test, answers: Load['answers'], figures: Record<string, number>): void {
  // Queued, though the sender was not told: the answer died with the process.
  const untold = [...answers.values()].filter((all) => !all.includes('accepted')).length;
  t.comment(JSON.stringify({ seed, ...figures, untold, answers: tally(answers) }));
}
