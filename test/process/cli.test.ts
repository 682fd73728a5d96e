/** The operator's command line, as it is installed. */
import path from 'node:path';
import t, { type Test } from 'tap';
import { untilState } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { handlersFolder, recorder } from './handlers.js';
import { freePort, makeRelay } from './relay.js';
import { STACK, delivery, environmentOf, exitWithin, petstore, run, send } from './support.js';

t.setTimeout(300_000);

const hookline = (t: Test, args: string[], environment: Record<string, string> = {}) =>
  run(t, 'dist/cli/hookline.js', args, environment);

/** Runs a command that must fail for a reason that its user can mend. Answers what it says. */
async function mistake(t: Test, args: string[], environment: Record<string, string> = {}): Promise<string> {
  const { exit, stdout, stderr } = await hookline(t, args, environment);
  t.equal(exit, 1, `exit code of ${args.join(' ')}`);
  t.equal(stdout, '');
  t.match(stderr, /\S/);
  t.notMatch(stderr, STACK, 'no stack');
  return stderr;
}

void t.test('help', async (t) => {
  const { exit, stdout, stderr } = await hookline(t, ['--help']);
  t.equal(exit, 0);
  t.equal(stderr, '');
  t.match(stdout, /^Usage: hookline /);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)[ \n].*\S/gm)].map(([, name = '']) => name);
  for (const name of ['start', 'show', 'handlers', 'health'])
    t.ok(commands.includes(name), `${name} is listed`);
  for (const name of commands.filter((one) => one !== 'help')) {
    const help = await hookline(t, [name, '--help']);
    t.equal(help.exit, 0, `${name} --help`);
    t.match(help.stdout, `Usage: hookline ${name}`);
    t.equal(help.stderr, '');
  }
  t.match(await hookline(t, ['--version']), { exit: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
  t.match(await mistake(t, ['shwo']), /unknown command 'shwo'/);
  t.match(await mistake(t, ['show', 'petstore']), /missing required argument 'id'/);
  t.match(await mistake(t, ['health', '--loud']), /unknown option '--loud'/);
});

void t.test('show', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder({ topic: 'pet.adopted' }) });
  const environment = environmentOf(store, handlers);
  const { address } = await startHookline(t, environment);
  const request = await delivery();
  const unhandled = await delivery('pet.sold');
  for (const one of [request, unhandled]) {
    t.equal((await send(address, one)).status, 200);
    await untilState(address, 'petstore', one.id);
  }

  const text = await hookline(t, ['show', 'petstore', request.id], environment);
  t.equal(text.exit, 0);
  t.equal(text.stderr, '');
  t.match(text.stdout, new RegExp(`^id +${request.id}$`, 'm'));
  t.match(text.stdout, /^state +completed$/m);
  t.match(text.stdout, /^topic +pet\.adopted$/m);
  t.match(text.stdout, /^attemptsMade +1$/m);

  const json = await hookline(t, ['show', 'petstore', request.id, '--json'], environment);
  t.equal(json.exit, 0);
  const told = await (await fetch(`${address}/admin/api/deliveries/petstore/${request.id}`)).json();
  t.same(JSON.parse(json.stdout), told, 'the same as /admin/api');
  t.match(told, { source: 'petstore', id: request.id, state: 'completed', topic: 'pet.adopted' });

  const failed = await hookline(t, ['show', 'petstore', unhandled.id], environment);
  t.equal(failed.exit, 0);
  t.match(failed.stdout, /^state +failed$/m);
  t.match(failed.stdout, /^failedReason +No handler takes topic pet\.sold/m);

  t.match(await mistake(t, ['show', 'petstore', 'evt_none'], environment), /No delivery evt_none .*petstore/);
  t.match(await mistake(t, ['show', 'petshop', request.id], environment), /no source petshop.*petstore/);
});

void t.test('show: the store', async (t) => {
  const dataDir = await temporaryFolder(t);
  const nothing = await mistake(t, ['show', 'petstore', 'evt_1'], { DATA_DIR: dataDir });
  t.match(nothing, /REDIS_URL is not set and no Hookline is running/);
  const { url } = await makeRelay(t, 'redis://:hunter22@127.0.0.1');
  const unreachable = await mistake(t, ['show', 'petstore', 'evt_1'], { REDIS_URL: url });
  t.match(unreachable, /Redis cannot be reached/);
  t.notMatch(unreachable, 'hunter22');
  const wrong = await mistake(t, ['show', 'petstore', 'evt_1'], { REDIS_URL: 'localhost', PORT: 'http' });
  t.match(wrong, /REDIS_URL: expected .*; given: "localhost"/);
  t.match(wrong, /PORT: expected .*; given: "http"/);

  const embedded: Record<string, string> = { DATA_DIR: dataDir, ...petstore.environment };
  if (process.env['EMBEDDED_STORE']) embedded['EMBEDDED_STORE'] = process.env['EMBEDDED_STORE'];
  const { address, child, exited } = await startHookline(t, embedded);
  const request = await delivery();
  t.equal((await send(address, request)).status, 200);
  await untilState(address, 'petstore', request.id);
  const shown = await hookline(t, ['show', 'petstore', request.id], embedded);
  t.equal(shown.exit, 0, 'it finds the embedded store of a running Hookline');
  t.match(shown.stdout, /^state +\w+$/m);
  // In order: a Redis of its own outlives a process that is killed.
  child.kill('SIGTERM');
  t.equal(await exitWithin(exited), 0);
});

void t.test('handlers', async (t) => {
  const folder = await handlersFolder(t, {
    'any.mjs': recorder(),
    'sub/adopted.mjs': recorder({ topic: 'pet.adopted' }),
  });
  const text = await hookline(t, ['handlers'], { HANDLERS_DIR: folder });
  t.equal(text.exit, 0);
  t.match(text.stdout, path.join(folder, 'any.mjs'));
  const json = await hookline(t, ['handlers', '--json'], { HANDLERS_DIR: folder });
  t.equal(json.exit, 0);
  const rows = JSON.parse(json.stdout) as Array<Record<string, unknown>>;
  t.match(
    rows.filter(({ file }) => String(file).startsWith(folder)),
    [
      { topic: 'pet.adopted', file: path.join(folder, 'sub/adopted.mjs') },
      { topic: '*', file: path.join(folder, 'any.mjs'), attempts: 8, timeout: 30_000 },
    ],
    'the most specific first',
  );
  const builtIn = JSON.parse((await hookline(t, ['handlers', '--json'])).stdout) as typeof rows;
  for (const topic of ['pet.adopted', 'orders/placed', 'orders/updated']) {
    t.ok(
      builtIn.some((row) => row['topic'] === topic),
      `the built-in ones have ${topic}`,
    );
  }

  const tied = await handlersFolder(t, { 'a.mjs': recorder(), 'b.mjs': recorder() });
  const message = await mistake(t, ['handlers'], { HANDLERS_DIR: tied });
  for (const name of ['a.mjs', 'b.mjs']) t.match(message, path.join(tied, name));
  t.match(
    await mistake(t, ['handlers'], { HANDLERS_DIR: path.join(tied, 'none') }),
    /HANDLERS_DIR.*cannot be read/,
  );
});

void t.test('health', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const relay = await makeRelay(t, store.url);
  await relay.open();
  const environment = { ...environmentOf({ ...store, url: relay.url }, handlers), SPOOL_MAX: '0' };
  const PORT = String(await freePort());
  const WORKER_PORT = String(await freePort());
  t.match(await mistake(t, ['health'], { ...environment, PORT }), `nothing answers on port ${PORT}`);

  await startHookline(t, { ...environment, PORT, ROLE: 'receiver' });
  const ready = await hookline(t, ['health'], { ...environment, PORT });
  t.equal(ready.exit, 0);
  t.equal(ready.stderr, '');
  t.match(JSON.parse(ready.stdout), { status: 'ready', parts: { redis: 'ok' } });

  await relay.shut();
  t.match(await mistake(t, ['health'], { ...environment, PORT }), /unavailable.*redis.*unreachable/);

  const worker = { ...environment, ROLE: 'worker' };
  t.match(await mistake(t, ['health'], worker), 'Set WORKER_PORT');
  t.match(await mistake(t, ['health'], { ...worker, WORKER_PORT }), `nothing answers on port ${WORKER_PORT}`);
  await startHookline(t, { ...worker, WORKER_PORT });
  const live = await hookline(t, ['health'], { ...worker, WORKER_PORT });
  t.match(live, { exit: 0, stderr: '' });
  t.same(JSON.parse(live.stdout), { status: 'live' });
});

void t.test('start', async (t) => {
  t.match(await mistake(t, ['start'], { PORT: 'http' }), /PORT: expected .*; given: "http"/);
});
