/** One webhook id, sent many times at once to several receivers: accepted once, handled once. */
import t from 'tap';
import { until, untilState } from '../support/deliveries.js';
import { openLoad, tally } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, readRuns, recorder } from './handlers.js';
import { countJobs, delivery, environmentOf } from './support.js';

const TIMES = 1_000;

t.setTimeout(240_000);

void t.test('1,000 simultaneous deliveries of one id over two receivers', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  // A busy machine must not turn an answer into a 503.
  const environment = { ...environmentOf(store, handlers), ACCEPT_TIMEOUT: '1m' };
  const receivers = await Promise.all(
    [1, 2].map(() => startHookline(t, { ...environment, ROLE: 'receiver' })),
  );
  await startHookline(t, { ...environment, ROLE: 'worker' });
  const addresses = receivers.map(({ address }) => address);

  const load = openLoad(t, { addresses, connections: 50 });
  const request = await delivery();
  await Promise.all(Array.from({ length: TIMES }, () => load.send(request)));
  t.same(tally(load.answers), { accepted: 1, duplicate: TIMES - 1 });

  const [first = '', second = ''] = addresses;
  t.match(await untilState(first, 'petstore', request.id), { state: 'completed', attemptsMade: 1 });
  t.match(await untilState(second, 'petstore', request.id), { state: 'completed' }, 'both receivers know it');
  t.same([...(await countJobs(store))], [[request.id, 1]], 'one job in Redis');
  t.same(await readRuns(handlers), [`${request.id} pet.adopted 1`], 'one run of the handler');
  const shares = () =>
    receivers.map(({ lines }) => lines.filter(({ msg }) => msg === 'duplicate' || msg === 'accepted').length);
  await until('all to be logged', () => shares().reduce((sum, share) => sum + share, 0) === TIMES);
  for (const share of shares()) t.ok(share > 0, `a receiver took ${share}`);

  const other = await delivery();
  await load.send(other);
  t.same(load.answers.get(other.id), ['accepted'], 'another id is another event');
});
