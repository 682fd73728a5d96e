/** What the limit on deliveries in hand follows, and when it was reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Overload, type OverloadOptions } from '../../lib/overload.js';
import { silentLog } from '../../lib/log.js';

function open(t: Test, options: Partial<OverloadOptions> = {}): Overload {
  const load = new Overload({
    maxInFlight: 2,
    maxLoopDelay: 60_000,
    maxMemory: undefined,
    log: silentLog,
    ...options,
  });
  t.teardown(() => load.close());
  return load;
}

void t.test('a full queue of one source does not say that too many are in hand', async (t) => {
  const load = open(t);
  load.noteShed('queue-depth');
  t.notOk(load.wasFull);
  load.noteShed('waited');
  t.notOk(load.wasFull);
  load.noteShed('in-flight');
  t.ok(load.wasFull);
});

void t.test(
  'long turns lower the limit while many connections rest, and do not keep it low when few do',
  async (t) => {
    const load = open(t, { maxInFlight: 1_000 });
    for (let count = 0; count < 200; count += 1) load.enter();
    const noteTurnsUntil = async (resting: number, reached: () => boolean) => {
      for (let turns = 0; !reached(); turns += 1) {
        // Twenty seconds at the least.
        if (turns === 2_000) throw new Error(`the limit stays at ${load.limit}`);
        load.noteTurn(50, resting);
        await sleep(10);
      }
    };
    await noteTurnsUntil(2_500, () => load.limit < 100);
    await noteTurnsUntil(150, () => load.limit === 1_000);
    t.notOk(load.cause, 'all are taken');
  },
);

void t.test('a limit that is as low as it gets is reached because of what is in hand', async (t) => {
  const load = open(t, { maxInFlight: 2 });
  load.enter();
  load.enter();
  for (let turns = 0; turns < 60; turns += 1) {
    load.noteTurn(50, 2_500);
    await sleep(10);
  }
  t.equal(load.limit, 2);
  t.equal(load.cause, 'in-flight');
});
