/**
 * Traffic of every kind with secrets, tokens and marks that occur once in the world, then a search for each of them in
 * the logs, in all of Redis, in the metrics and on every page of the dashboard. They are in the bodies of jobs, which
 * is what jobs are for, and nowhere else.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type SignedRequest, type Tamper } from '../../senders/sender.js';
import { until } from '../support/deliveries.js';
import { runHookline } from '../support/run-hookline.js';
import { openOwnStore, temporaryFolder } from '../support/store.js';
import { freePort } from '../process/relay.js';
import { startWatched } from '../support/watched.js';
import { dumpRedis, findIn, readAdmin, type Places } from './places.js';
import { exchange, wire } from './support.js';

const secret = (what: string) => `${what}-${randomBytes(9).toString('hex')}`;

/** Found nowhere at all. */
const SECRETS = {
  'Petstore’s secret': secret('petstore-secret'),
  'Petstore’s old secret': secret('petstore-old-secret'),
  'password of PCE': secret('pce-password'),
  'password of /admin': secret('admin-password'),
  'a wrong password': secret('guessed-password'),
  'token of the API': secret('api-token'),
  'password of Redis': secret('redis-password'),
  'a cookie': secret('cookie'),
  'an API key in a header': secret('api-key'),
  'a token in a query': secret('query-token'),
  'a token in an unreadable request': secret('raw-token'),
};
/** In the bodies that were taken, and there as they came. */
const MARKS = { 'a mark in a body': secret('body-mark'), 'a password in a body': secret('body-password') };
/** In bodies that were refused: nowhere. */
const FORGED = secret('forged-mark');

/** One handler fails with the event in hand, another throws what is no error. */
const HANDLERS = `
export default { source: 'petstore', topic: 'pet.lost', attempts: 2, backoff: { type: 'fixed', delay: 10 },
  async handle(event, ctx) { ctx.log.info({ topic: event.topic }, 'seen'); throw new Error('cannot be handled'); } };`;

void t.test('secrets and bodies stay where they belong', { timeout: 180_000 }, async (t) => {
  const url = new URL(await openOwnStore(t));
  const password = SECRETS['password of Redis'];
  const redis = new Redis(url.href, { maxRetriesPerRequest: null });
  t.teardown(() => redis.disconnect());
  // Valkey as WebAssembly has no passwords.
  const guarded = await redis.config('SET', 'requirepass', password).then(
    () => true,
    () => false,
  );
  if (guarded) {
    await redis.auth(password);
    url.password = password;
  }

  const petstore = createPetstoreSender({ secret: SECRETS['Petstore’s secret'] });
  const pitchpoint = await startPitchpointSender();
  const pce = await startPceSender({ basic: { user: 'pce', password: SECRETS['password of PCE'] } });
  t.teardown(() => Promise.all([pitchpoint.close(), pce.close()]));
  const handlers = await temporaryFolder(t);
  await writeFile(path.join(handlers, 'lost.mjs'), HANDLERS);
  const admin = { ADMIN_USER: 'operator', ADMIN_PASSWORD: SECRETS['password of /admin'] };
  const environment = {
    ...pitchpoint.environment,
    ...pce.environment,
    ...admin,
    PETSTORE_WEBHOOK_SECRET: `${SECRETS['Petstore’s old secret']},${SECRETS['Petstore’s secret']}`,
    PETSTORE_API_TOKEN: SECRETS['token of the API'],
    REDIS_URL: url.href,
    HANDLERS_DIR: handlers,
    LOG_LEVEL: 'trace',
    SHUTDOWN_TIMEOUT: '2s',
  };
  const log: string[] = [];
  const keep = (line: string) => void log.push(line);
  const receiver = await startWatched(t, { ...environment, ROLE: 'receiver' }, keep);
  const WORKER_PORT = String(await freePort());
  await startWatched(t, { ...environment, ROLE: 'worker', WORKER_PORT }, keep);
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const authorization = basic(`operator:${SECRETS['password of /admin']}`);

  const proofs = new Map<string, string>();
  const send = async (request: SignedRequest, note = true) => {
    const headers = {
      ...request.headers,
      Cookie: `sid=${SECRETS['a cookie']}`,
      'X-Api-Key': SECRETS['an API key in a header'],
    };
    if (note) {
      for (const [name, value] of Object.entries(headers)) {
        if (/^authorization$|signature$/i.test(name))
          proofs.set(`${name} ${proofs.size} of ${request.path}`, value.replace(/^\w+[ =]/, ''));
      }
    }
    const to = {
      ...request,
      headers,
      path: `${request.path}?token=${SECRETS['a token in a query']}` as typeof request.path,
    };
    return (await post(receiver.address, to, { timeoutMs: 30_000 })).status;
  };
  const data = { note: MARKS['a mark in a body'], password: MARKS['a password in a body'] };
  const forged = { note: FORGED };
  const of = (topic: string, tamper?: Tamper) => ({ topic, data: tamper ? forged : data });

  const taken: SignedRequest[] = [];
  for (const topic of ['pet.lost', 'pet.unknown']) taken.push(await petstore.request(of(topic)));
  taken.push(await pitchpoint.request(of('orders/placed')));
  taken.push(await pce.request(of('PaymentSettled')));
  taken.push(await petstore.request(of('x'), { rawBody: `not JSON: ${data.note} ${data.password}` }));
  taken.push(
    await pce.request({ topic: 'SubscriptionConfirmation', type: 'SubscriptionConfirmation', data: '' }),
  );
  for (const request of [...taken, ...taken]) t.equal(await send(request), 200, request.path);
  const [confirmation] = taken.slice(-1);
  const { Token, SubscribeURL } = JSON.parse(String(confirmation?.body)) as Record<string, string>;

  for (const tamper of ['signature', 'token'] as const) {
    t.equal(await send(await petstore.request(of('x', tamper), { tamper })), 401);
    t.equal(await send(await pitchpoint.request(of('x', tamper), { tamper })), 403);
    t.equal(await send(await pce.request(of('x', tamper), { tamper })), 403);
  }
  const unasked = await pce.request({ topic: 'x', data: forged }, { authenticated: false });
  t.equal(await send(unasked), 401);
  const raw = SECRETS['a token in an unreadable request'];
  await exchange(
    t,
    receiver.address,
    `GET /webhooks/${raw} HTTP/1.1\r\nAuthorization: ${raw}\r\nBad Header: x\r\n\r\n`,
  );
  await exchange(
    t,
    receiver.address,
    `POST /${raw} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
  const large = await petstore.request(of('x', 'body'), { data: forged });
  await exchange(t, receiver.address, wire(large, { 'Content-Length': '99999999', Connection: 'close' }));
  const wrong = await fetch(`${receiver.address}/admin/queues`, {
    headers: { authorization: basic(`operator:${SECRETS['a wrong password']}`) },
  });
  t.equal(wrong.status, 401);
  receiver.child.kill('SIGHUP');

  const ended = async () => {
    const keys = await redis.keys('hookline:*:wait');
    const waiting = await Promise.all(keys.map((key) => redis.llen(key)));
    return (
      waiting.every((count) => count === 0) &&
      log.filter((line) => /"outcome":"(?:completed|failed|quarantined)"/.test(line)).length >= taken.length
    );
  };
  await until('all of it to be handled', ended, 60_000);
  const cli = [];
  const asked = { env: { ...environment, LOG_LEVEL: 'trace' } };
  for (const args of [
    ['deliveries', '--json'],
    ['deliveries'],
    ['show', 'petstore', taken[0]?.id ?? ''],
    ['handlers'],
  ])
    cli.push(await runHookline(t, args, asked));

  const logs: Places = new Map(log.map((line, number) => [`log line ${number}`, line]));
  const metrics: Places = new Map();
  for (const address of [receiver.address, `http://127.0.0.1:${WORKER_PORT}`])
    metrics.set(`${address}/metrics`, await (await fetch(`${address}/metrics`)).text());
  const store = await dumpRedis(redis);
  const pages = await readAdmin(receiver.address, { authorization });
  const shell: Places = new Map(
    cli.map(({ stdout, stderr }, number) => [`command ${number}`, stdout + stderr]),
  );
  t.ok(
    log.length > 30 && store.size > 60 && pages.size > 30 && shell.size === 4,
    `${log.length} lines, ${store.size} values, ${pages.size} pages`,
  );
  t.match([...metrics.values()].join(), /hookline_deliveries_total[\s\S]*hookline_handler_attempts_total/);

  const places = { log: logs, Redis: store, metrics, dashboard: pages, 'command line': shell };
  const count = (text: string) =>
    Object.fromEntries(Object.entries(places).map(([name, of]) => [name, findIn(of, text)])) as Record<
      keyof typeof places,
      string[]
    >;
  const nowhere = { log: [], Redis: [], metrics: [], dashboard: [], 'command line': [] };

  for (const [what, text] of Object.entries(SECRETS)) t.same(count(text), nowhere, what);
  t.same(count(FORGED), nowhere, 'the body of a forgery');
  t.ok(proofs.size > 15, 'signatures and tokens of each source');
  for (const [what, text] of proofs) t.same(count(text), nowhere, what);

  const JOB_DATA = /^hookline:\w+:[^: ]+ data$/;
  for (const [what, text] of [
    ...Object.entries(MARKS),
    ['Token of SNS', Token ?? ''],
    ['SubscribeURL of SNS', SubscribeURL ?? ''],
  ] as const) {
    const { Redis: kept, dashboard, ...others } = count(text);
    t.same(others, { log: [], metrics: [], 'command line': [] }, what);
    t.ok(kept.length > 0, `${what}: in job data`);
    t.same(
      kept.filter((key) => !JOB_DATA.test(key)),
      [],
      `${what}: in nothing else`,
    );
    if (text === data.note)
      t.ok(
        dashboard.length > 0 && dashboard.every((page) => page.includes('/api/queues')),
        'the dashboard shows bodies',
      );
    else t.same(dashboard, [], `${what}: masked on the dashboard`);
  }
  t.comment(
    `searched for ${Object.keys(SECRETS).length + proofs.size + 5} texts in ${log.length} log lines, ${store.size} values of Redis, ${pages.size} pages, ${metrics.size} metrics`,
  );
});
