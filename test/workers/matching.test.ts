/** Which handler takes an event, from the request to the handler. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const SELECTORS: Record<string, object> = {
  any: { topic: '*' },
  orders: { topic: 'orders/*' },
  placed: { topic: 'orders/placed' },
  product: { topic: 'orders/placed', subTopic: 'product:adv/*' },
  exact: { topic: 'orders/placed', subTopic: 'product:adv/adv-120' },
  tenant: { topic: 'orders/placed', subTopic: 'product:adv/*', tenantId: 'OU1243' },
};

void t.test('the most specific handler takes it, at any depth of the folder', async (t) => {
  const code = ([name, selector]: [string, object]) => `
    import { appendFileSync } from 'node:fs';
    export default { source: 'pitchpoint', ...${JSON.stringify(selector)}, handle({ id }) {
      appendFileSync(${JSON.stringify(path.join(t.testdirName, 'taken.txt'))}, id + ' ${name}\\n');
    } };`;
  const [any = '', orders = '', placed = '', product = '', exact = '', tenant = ''] =
    Object.entries(SELECTORS).map(code);
  const folder = t.testdir({
    'any.mjs': any,
    orders: { 'orders.mjs': orders, deep: { er: { 'placed.mjs': placed } } },
    a: { 'product.mjs': product },
    b: { 'product.mjs': exact, 'z.mjs': tenant },
  });
  const sender = await startPitchpointSender();
  t.teardown(() => sender.close());
  const store = await openStore(t);
  const { address } = await startTestService(t, store, {
    ...sender.environment,
    HANDLERS_DIR: folder,
    SHUTDOWN_TIMEOUT: '100ms',
  });
  const takes = async (topic: string, subTopic?: string, tenantId?: string) => {
    const id = randomUUID();
    const options = { id, ...(subTopic && { subTopic }), ...(tenantId && { tenantId }) };
    await post(address, await sender.request({ topic, data: {} }, options), { timeoutMs: 10_000 });
    await untilState(address, 'pitchpoint', id, 'completed');
    const lines = readFileSync(path.join(folder, 'taken.txt'), 'utf8').split('\n');
    return lines.filter((line) => line.startsWith(id)).map((line) => line.slice(id.length + 1));
  };
  t.same(await takes('orders/placed', 'product:adv/adv-120', 'OU1243'), ['exact']);
  t.same(await takes('orders/placed', 'product:adv/adv-121', 'OU1243'), ['tenant']);
  t.same(await takes('orders/placed', 'product:adv/adv-121', 'OU7'), ['product']);
  t.same(await takes('orders/placed', 'product:adv/adv-121'), ['product']);
  t.same(await takes('orders/placed', 'product:else'), ['placed']);
  t.same(await takes('orders/placed'), ['placed']);
  t.same(await takes('orders/cancelled'), ['orders']);
  t.same(await takes('loans/closed', 'product:adv/adv-120', 'OU1243'), ['any']);
});
