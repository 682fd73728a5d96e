/** A Redis that is gone or hangs does not keep a process from ending. */
import t from 'tap';
import { until } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { PATIENT, handlersFolder, readRuns } from './handlers.js';
import { makeRelay } from './relay.js';
import { delivery, environmentOf, exitWithin, send } from './support.js';

const ROLES = ['all', 'receiver', 'worker'];

t.setTimeout(480_000);
// Most of the time is waiting for a Redis that does not answer.
t.jobs = 3;

for (const how of ['shut', 'freeze'] as const) {
  for (const ROLE of ROLES) {
    void t.test(`the way to Redis is ${how === 'shut' ? 'cut' : 'frozen'}, ROLE=${ROLE}`, async (t) => {
      const store = await openStore(t);
      const handlers = await handlersFolder(t, { 'patient.mjs': PATIENT });
      const relay = await makeRelay(t, store.url);
      await relay.open();
      const environment = {
        ...environmentOf({ ...store, url: relay.url }, handlers),
        SHUTDOWN_TIMEOUT: '1s',
      };
      const hookline = await startHookline(t, { ...environment, ROLE });
      if (ROLE === 'all') {
        t.equal((await send(hookline.address, await delivery())).status, 200);
        await until('the handler to begin', async () => (await readRuns(handlers)).length > 0);
      }
      await relay[how]();
      hookline.child.kill('SIGTERM');
      t.equal(await exitWithin(hookline.exited), 0);
    });
  }
}

for (const ROLE of ROLES) {
  void t.test(`Redis was never there, ROLE=${ROLE}`, async (t) => {
    const handlers = await handlersFolder(t, {});
    const { url } = await makeRelay(t, 'redis://127.0.0.1');
    const environment = { ...environmentOf({ url, prefix: 'nowhere' }, handlers), SHUTDOWN_TIMEOUT: '1s' };
    const hookline = await startHookline(t, { ...environment, ROLE });
    hookline.child.kill('SIGTERM');
    t.equal(await exitWithin(hookline.exited), 0);
  });
}
