/** What a process does when it cannot start, and what it says. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { spawnHookline, startHookline } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { handlersFolder, recorder } from './handlers.js';
import { freePort, listens } from './relay.js';
import { STACK, endAndListening, environmentOf, exitWithin, petstore } from './support.js';

t.setTimeout(480_000);

/** Starts a process that must not come up: exit code 1, nothing listening before that, no stack. Answers its message. */
async function refusal(t: Test, environment: Record<string, string>): Promise<string> {
  const port = await freePort();
  const dataDir = await temporaryFolder(t);
  const hookline = spawnHookline(t, { PORT: String(port), DATA_DIR: dataDir, ...environment });
  const { exit, listened } = await endAndListening(hookline, port);
  t.equal(exit, 1, 'exit code');
  t.equal(listened, false, 'nothing listened');
  t.notMatch(hookline.stderr(), STACK);
  t.match(hookline.stderr(), /^hookline cannot start: /);
  return hookline.stderr();
}

interface Wrong {
  environment: Record<string, string>;
  /** Parts of the message. */
  says: Array<string | RegExp>;
  /** Parts of what was given that nobody must see. */
  hides?: string[];
}

const WRONG: Record<string, Wrong> = {
  'a port that is none': {
    environment: { PORT: '80a' },
    says: [/PORT: expected a whole number from 0 to 65535; given: "80a"/],
  },
  'a role that is none': { environment: { ROLE: 'both' }, says: [/ROLE: .*"worker".*given: "both"/] },
  'a duration without a unit that is known': {
    environment: { DEDUPE_WINDOW: '3 weeks' },
    says: [/DEDUPE_WINDOW: expected a duration such as 3d.*given: "3 weeks"/],
  },
  'a size out of range': {
    environment: { BODY_LIMIT: '10tb' },
    says: [/BODY_LIMIT: expected a size such as 10mb.*given: "10tb"/],
  },
  'several at once': {
    environment: { WORKER_CONCURRENCY: '0', SHUTDOWN_TIMEOUT: 'never', LOG_LEVEL: 'loud' },
    says: [
      /WORKER_CONCURRENCY: .*given: "0"/,
      /SHUTDOWN_TIMEOUT: .*given: "never"/,
      /LOG_LEVEL: .*given: "loud"/,
    ],
  },
  'production without a Redis': {
    environment: { NODE_ENV: 'production' },
    says: [/REDIS_URL: expected a Redis URL.*given: nothing/],
  },
  'half of the admin credentials': {
    environment: { ADMIN_USER: 'operator' },
    says: [/ADMIN_PASSWORD: expected .*together; given: nothing/],
  },
  'an admin password that is too short': {
    environment: { ADMIN_USER: 'operator', ADMIN_PASSWORD: 'hunter2' },
    says: [/ADMIN_PASSWORD: expected at least 8 characters; given: \*\*\*/],
    hides: ['hunter2', 'operator'],
  },
  'a secret that is too short': {
    environment: { PETSTORE_WEBHOOK_SECRET: 'hunter2' },
    says: [/PETSTORE_WEBHOOK_SECRET: expected .*; given: \*\*\*/],
    hides: ['hunter2'],
  },
  'an issuer without its audience': {
    environment: { PITCHPOINT_ISSUER: 'https://issuer.example' },
    says: [/PITCHPOINT_AUDIENCE: expected .*together; given: nothing/],
  },
  'topics that are no ARNs': {
    environment: { PCE_TOPIC_ARNS: 'events' },
    says: [/PCE_TOPIC_ARNS: expected topic ARNs.*given: "events"/],
  },
};

/** A Redis URL may hold a password wherever it is mistyped. */
for (const given of [
  'http://user:hunter22@redis.example:6379',
  'redis:/user:hunter22@redis.example:6379',
  'user:hunter22@redis.example:6379',
  'redis:user:hunter22@redis.example',
  'redis://user:hunter22/b@redis.example:6379:1',
]) {
  WRONG[`REDIS_URL=${given.replace('hunter22', '…')}`] = {
    environment: { REDIS_URL: given },
    says: [/REDIS_URL: expected a URL such as .*given: /],
    hides: ['hunter22'],
  };
}

for (const [what, { environment, says, hides = [] }] of Object.entries(WRONG)) {
  void t.test(`wrong settings: ${what}`, async (t) => {
    const message = await refusal(t, environment);
    t.match(message, 'Settings are wrong');
    for (const part of says) t.match(message, part);
    for (const secret of hides) t.notOk(message.includes(secret), 'the secret is masked');
  });
}

void t.test('the port is taken', async (t) => {
  const store = await openStore(t);
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const environment = environmentOf(store, handlers);
  for (const settings of [
    { ROLE: 'all', PORT: String(port) },
    { ROLE: 'receiver', PORT: String(port) },
    { ROLE: 'worker', WORKER_PORT: String(port) },
  ]) {
    const hookline = spawnHookline(t, { ...environment, ...settings });
    t.equal(await exitWithin(hookline.exited), 1, settings.ROLE);
    t.match(hookline.stderr(), /^hookline cannot start: .*address already in use 127\.0\.0\.1/);
    t.match(hookline.stderr(), String(port));
    t.notMatch(hookline.stderr(), STACK);
  }
});

void t.test('a process that only works', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const environment = { ...environmentOf(store, handlers), ROLE: 'worker' };
  const says = (lines: Array<Record<string, unknown>>) =>
    lines.some(({ msg }) => String(msg).startsWith('Server listening'));

  await t.test('with WORKER_PORT', async (t) => {
    const port = await freePort();
    const { lines } = await startHookline(t, { ...environment, WORKER_PORT: String(port) });
    t.ok(says(lines));
    const address = `http://127.0.0.1:${port}`;
    const live = await fetch(`${address}/health/live`);
    t.equal(live.status, 200);
    t.same(await live.json(), { status: 'live' });
    const metrics = await fetch(`${address}/metrics`);
    t.equal(metrics.status, 200);
    t.match(metrics.headers.get('content-type'), /^text\/plain/);
    t.match(await metrics.text(), /^# TYPE hookline_handler_attempts_total counter$/m);
    const { path, method, headers, body } = await petstore.request({ topic: 'pet.adopted', data: {} });
    const answer = await fetch(`${address}${path}`, { method, headers, body });
    t.equal(answer.status, 404, 'it takes no deliveries');
    t.match(await answer.json(), { code: 'HKL_ERR_NOT_FOUND' });
    t.equal((await fetch(`${address}/admin/queues`)).status, 404);
  });

  await t.test('without WORKER_PORT nothing listens', async (t) => {
    const port = await freePort();
    const { lines } = await startHookline(t, { ...environment, PORT: String(port) });
    t.notOk(says(lines));
    t.equal(await listens(port), false);
  });
});
