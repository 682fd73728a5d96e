/** Of several processes on one port some are killed: what was answered 200 is queued, and the port is served or free. */
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { until } from '../support/deliveries.js';
import { openLoad, tally } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { handlersFolder, recorder } from './handlers.js';
import { end, openLane, pidsOf, runs, spoolFiles } from './ports.js';
import { freePort, listens, makeRelay } from './relay.js';
import { countJobs, delivery, environmentOf, exitWithin, missing, moreThanOnce } from './support.js';

t.setTimeout(480_000);

void t.test(
  'one is killed with deliveries in its spool: another takes its place and its spool, as soon as it can',
  async (t) => {
    const store = await openStore(t);
    const relay = await makeRelay(t, store.url);
    await relay.open();
    const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
    const port = await freePort();
    // A path too long for a socket by name: each process must take the lock of its spool by itself.
    const dataDir = path.join(await temporaryFolder(t), 'a'.repeat(100));
    const { PETSTORE_WEBHOOK_SECRET = '', ...environment } = environmentOf(
      { ...store, url: relay.url },
      handlers,
    );
    const secret = path.join(await temporaryFolder(t), 'secret');
    await writeFile(secret, PETSTORE_WEBHOOK_SECRET);
    const hookline = await startHookline(t, {
      ...environment,
      PETSTORE_WEBHOOK_SECRET_FILE: secret,
      PORT: String(port),
      DATA_DIR: dataDir,
      ROLE: 'receiver',
      RECEIVER_PROCESSES: '2',
    });
    const { 'receiver-1': victim = 0, 'receiver-2': other = 0 } = pidsOf(hookline);
    const load = openLoad(t, { addresses: [hookline.address], connections: 8 });

    await relay.shut();
    const stop = load.sendSteadily(() => delivery(), 15);
    await until('both to have spooled', () => {
      return Object.values(spoolFiles(dataDir)).filter((files) => files > 0).length === 2;
    });
    const logged = (message: RegExp) => hookline.lines.filter(({ msg }) => message.test(String(msg)));
    await rm(secret);
    process.kill(victim, 'SIGKILL');
    await until('another to have failed', () => logged(/^the process did not start/).length === 1, 60_000);
    await writeFile(secret, PETSTORE_WEBHOOK_SECRET);
    await until('another to be up', () => logged(/^the process is up$/).length === 1, 60_000);
    await stop();

    t.match(logged(/died/), [{ level: 50, process: 'receiver-1', pid: victim, exit: 'SIGKILL' }]);
    t.match(hookline.stderr(), /^hookline cannot start: Settings are wrong:\n {2}PETSTORE_WEBHOOK_SECRET/);
    const [died, failed, up] = logged(/died|did not start|^the process is up$/).map((line) =>
      Number(line['time']),
    );
    // Timers and clocks may differ by a millisecond or two.
    t.ok(Number(failed) - Number(died) > 950, 'tried a second later');
    t.ok(Number(up) - Number(failed) > 1_950, 'and then again after two');
    t.not(logged(/^the process is up$/)[0]?.['pid'], victim);
    t.ok(runs(other), 'the other one went on');
    t.notOk(tally(load.answers)['ECONNREFUSED'], 'somebody listened all the time');
    const spooled = tally(load.answers)['spooled'] ?? 0;
    t.ok(spooled > 0, `${spooled} were spooled`);

    await relay.open();
    await until(
      'the spools to be drained',
      async () => (await countJobs(store)).size >= load.answers.size,
      60_000,
    );
    const jobs = await countJobs(store);
    t.same(missing(load.answers.keys(), jobs), [], 'every delivery has its job');
    t.same(moreThanOnce(jobs), [], 'and one alone');
    t.equal(await end(hookline), 0);
  },
);

void t.test('two that take one connection each', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const port = await freePort();
  const hookline = await startHookline(t, {
    ...environmentOf(store, handlers),
    PORT: String(port),
    ROLE: 'receiver',
    RECEIVER_PROCESSES: '2',
    MAX_CONNECTIONS: '2',
  });
  const pids = Object.values(pidsOf(hookline));
  const lanes = [openLane(t, hookline.address), openLane(t, hookline.address)];
  for (const lane of lanes) await lane.get('/health/live');

  await t.test('MAX_CONNECTIONS is of all together: one more is turned away at once', async (t) => {
    const third = connect(port, '127.0.0.1');
    t.teardown(() => third.destroy());
    let received = '';
    third.on('data', (data) => (received += data.toString()));
    // Reset or ended: it is closed either way.
    third.on('error', () => {});
    third.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('it to be closed, or answered', () => third.closed || received !== '', 60_000);
    t.equal(received, '', 'it has no answer');
    for (const lane of lanes) t.match(await lane.get('/health/live'), 'live', 'those that are there stay');
    lanes.pop()?.close();
    await until('there to be room again', () =>
      openLane(t, hookline.address)
        .get('/health/live')
        .then(
          () => true,
          () => false,
        ),
    );
  });

  await t.test('the parent is killed: the others end in order, and leave the port', async (t) => {
    const { path: url, method, headers, body, id } = await delivery();
    // One of them reads the headers and waits for the body; until the others' connections are closed it may have no room.
    const begin = () =>
      new Promise<ClientRequest | undefined>((resolve) => {
        const sending = httpRequest(new URL(url, hookline.address), {
          method,
          headers: { ...headers, 'Content-Length': body.length, Expect: '100-continue' },
        });
        sending.once('continue', () => resolve(sending)).on('error', () => resolve(undefined));
        sending.flushHeaders();
      });
    let sending: ClientRequest | undefined;
    await until('a delivery to be under way', async () => (sending = await begin()) !== undefined);
    if (!sending) return;

    hookline.child.kill('SIGKILL');
    t.equal(await exitWithin(hookline.exited), 'SIGKILL');
    sending.end(body);
    const [response] = (await once(sending, 'response')) as [IncomingMessage];
    t.equal(response.statusCode, 200, 'what was in hand is still taken');
    t.same(JSON.parse(await text(response)), { status: 'accepted', source: 'petstore', id });

    await until('both to have ended', () => !pids.some(runs), 60_000);
    t.equal(await listens(port), false);
    const said = hookline.lines.filter(({ msg }) => msg === 'stopped').map((line) => String(line['process']));
    t.same(said.sort(), ['receiver-1', 'receiver-2'], 'in order');
    t.equal(hookline.stderr(), '');
    t.same([...(await countJobs(store)).keys()], [id]);
  });
});
