/** The sheet for Pitchpoint's account representative. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { runHookline, runJson } from '../support/run-hookline.js';
import { temporaryFolder } from '../support/store.js';

const ARGS = ['endpoints', 'describe', 'pitchpoint', '--url', 'https://hooks.example.com'];

void t.test('from handlers and settings', async (t) => {
  const folder = await temporaryFolder(t);
  const handler = async (name: string, fields: object) => {
    const text = JSON.stringify({ source: 'pitchpoint', ...fields });
    await writeFile(path.join(folder, name), `export default { ...${text}, handle() {} };`);
  };
  await handler('a.mjs', { topic: 'orders/placed', subTopic: 'product:adv/*', tenantId: 'OU1243' });
  await handler('b.mjs', { topic: 'orders/updated' });
  await handler('c.mjs', { topic: 'pet.adopted', source: 'petstore' });

  const { exit, json } = await runJson(t, ARGS, { env: { HANDLERS_DIR: folder } });
  t.equal(exit, 0);
  t.match(json, {
    endpointUrl: 'https://hooks.example.com/webhooks/pitchpoint',
    topics: ['orders/placed', 'orders/updated'],
    subTopics: ['product:adv/*'],
    tenantIds: ['OU1243'],
    toFillIn: [/sub-topics: a handler takes any/, /product:adv\/\* is a pattern/],
  });

  const tenants = { HANDLERS_DIR: folder, PITCHPOINT_TENANTS: 'OU1,OU2' };
  t.match((await runJson(t, ARGS, { env: tenants })).json['tenantIds'], ['OU1', 'OU2']);
  t.match((await runJson(t, [...ARGS, '--tenant', 'OU9'], { env: tenants })).json['tenantIds'], ['OU9']);

  const { stdout } = await runHookline(t, ARGS, { env: tenants });
  for (const line of [
    'Endpoint URL',
    'Webhook topics',
    'Webhook sub-topics',
    'Tenant id',
    '  orders/placed',
  ]) {
    t.match(stdout, line);
  }
});

void t.test('without a handler there is nothing to ask for', async (t) => {
  const env = { HANDLERS_DIR: await temporaryFolder(t) };
  t.match(await runHookline(t, ARGS, { env }), { exit: 1, stderr: /No handler takes events of pitchpoint/ });
});
