/** What the look-up of a delivery shows of its steps, also of one that gives back nothing, as most that act do. */
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

void t.test('steps of a handled event', async (t) => {
  const sender = createPetstoreSender({ secret: 'a-test-secret' });
  const HANDLERS_DIR = t.testdir({
    'steps.mjs': `export default { source: 'petstore', topic: 'steps', async handle(event, { step }) {
      await step('act', async () => {});
      await step('nothing', () => null);
      await step('charge', () => ({ id: 'ch_1' }));
    } };`,
  });
  const store = await openStore(t);
  const { address } = await startTestService(t, store, { ...sender.environment, HANDLERS_DIR });
  await post(address, await sender.request({ topic: 'steps', data: {} }, { id: 'evt_1' }), {
    timeoutMs: 10_000,
  });
  const { steps } = await untilState(address, 'petstore', 'evt_1', 'completed');
  const shown = (steps as Array<Record<string, unknown>>).map(({ name, attempt, ...rest }) => [
    name,
    attempt,
    rest['value'],
    'value' in rest,
  ]);
  t.same(
    shown.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['act', 1, undefined, false],
      ['charge', 1, { id: 'ch_1' }, true],
      ['nothing', 1, null, true],
    ],
  );
});
