/** SIGTERM before the process is up: it ends in order too. */
import t from 'tap';
import { signal } from '../../lib/store/processes.js';
import { readRecord } from '../../lib/store/store-record.js';
import { until } from '../support/deliveries.js';
import { spawnHookline, type HooklineProcess } from '../support/process.js';
import { temporaryFolder } from '../support/store.js';
import { handlersFolder, recorder } from './handlers.js';
import { listens, makeRelay } from './relay.js';
import { environmentOf, exitWithin } from './support.js';

t.setTimeout(240_000);

const says = async ({ lines }: HooklineProcess, message: RegExp) =>
  until(`the log to say ${message}`, () => lines.some(({ msg }) => message.test(String(msg))));

void t.test('while it waits for Redis', async (t) => {
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const { url } = await makeRelay(t, 'redis://127.0.0.1');
  const environment = environmentOf({ url, prefix: 'nowhere' }, handlers);
  const hookline = spawnHookline(t, { ...environment, SHUTDOWN_TIMEOUT: '1s' });
  await says(hookline, /^Redis cannot be reached/);
  hookline.child.kill('SIGTERM');
  t.equal(await exitWithin(hookline.exited), 0);
});

void t.test('the embedded store ends with it', async (t) => {
  const dataDir = await temporaryFolder(t);
  const environment: Record<string, string> = { DATA_DIR: dataDir, SHUTDOWN_TIMEOUT: '1s' };
  if (process.env['EMBEDDED_STORE']) environment['EMBEDDED_STORE'] = process.env['EMBEDDED_STORE'];
  const hookline = spawnHookline(t, environment);
  await says(hookline, /^The embedded store .* (is up|keeps everything in memory)/);
  const record = await readRecord(dataDir);
  hookline.child.kill('SIGTERM');
  t.equal(await exitWithin(hookline.exited), 0);
  const left = await listens(Number(new URL(record?.url ?? '').port));
  t.equal(left, false, 'no store is left');
  if (left && record?.storePid) signal(record.storePid, 'SIGTERM');
});
