/** One process after the other is ended in order while deliveries come in: each is handled exactly once. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openLoad, tally } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, recorder, untilHandled } from './handlers.js';
import { freePort } from './relay.js';
import { countJobs, delivery, environmentOf, exitWithin, missing, moreThanOnce } from './support.js';

t.setTimeout(300_000);

void t.test('3 restarts of receiver and worker in one process', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder({ milliseconds: 100 }) });
  const port = await freePort();
  const environment = { ...environmentOf(store, handlers), PORT: String(port), SHUTDOWN_TIMEOUT: '1m' };
  const load = openLoad(t, { addresses: [`http://127.0.0.1:${port}`], connections: 16 });

  let hookline = await startHookline(t, environment);
  const stop = load.sendSteadily(() => delivery(), 100);
  for (let restarts = 0; restarts < 3; restarts += 1) {
    await sleep(500);
    hookline.child.kill('SIGTERM');
    t.equal(await exitWithin(hookline.exited), 0);
    t.equal(hookline.stderr(), '');
    hookline = await startHookline(t, environment);
  }
  await stop();

  const runs = await untilHandled(handlers, load.answers.size);
  const jobs = await countJobs(store);
  t.comment(JSON.stringify({ jobs: jobs.size, handled: runs.size, answers: tally(load.answers) }));
  t.ok(tally(load.answers)['503'], 'deliveries were sent while it ended');
  t.same(missing(load.answers.keys(), runs), [], 'every delivery was handled');
  t.same(moreThanOnce(runs), [], 'none was handled twice');
  t.same(moreThanOnce(jobs), [], 'none was queued twice');
});
