/** What the limit on deliveries in hand follows, and when it was reached. */
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
