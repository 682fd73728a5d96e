/** What keeps several processes from coming up on one port is said once, and nothing is tried again. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { spawnHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, recorder } from './handlers.js';
import { freePort } from './relay.js';
import { STACK, endAndListening, environmentOf, exitWithin } from './support.js';

t.setTimeout(240_000);

const store = await openStore(t);
const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
const shared = { ...environmentOf(store, handlers), RECEIVER_PROCESSES: '2' };

function messages(stderr: string): number {
  return stderr.match(/hookline cannot start: /g)?.length ?? 0;
}

void t.test('a wrong setting', async (t) => {
  const port = await freePort();
  const hookline = spawnHookline(t, { ...shared, PORT: String(port), DEDUPE_WINDOW: '3 weeks' });
  t.same(await endAndListening(hookline, port), { exit: 1, listened: false });
  t.match(hookline.stderr(), /DEDUPE_WINDOW: expected a duration.*given: "3 weeks"/);
  t.equal(messages(hookline.stderr()), 1);
});

void t.test('handlers that cannot be used, which only the process that works reads', async (t) => {
  const port = await freePort();
  const two = await handlersFolder(t, { 'one.mjs': recorder(), 'two.mjs': recorder() });
  const hookline = spawnHookline(t, { ...shared, PORT: String(port), HANDLERS_DIR: two });
  t.same(await endAndListening(hookline, port), { exit: 1, listened: false });
  t.match(hookline.stderr(), 'one.mjs');
  t.match(hookline.stderr(), 'two.mjs');
  t.equal(messages(hookline.stderr()), 1);
  t.notMatch(hookline.stderr(), STACK);
});

void t.test('a port that is taken', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const hookline = spawnHookline(t, { ...shared, PORT: String(port), ROLE: 'receiver' });
  t.equal(await exitWithin(hookline.exited), 1);
  t.match(hookline.stderr(), 'EADDRINUSE');
  t.equal(messages(hookline.stderr()), 1);
  t.notMatch(hookline.stderr(), STACK);
});
