/** `hookline doctor` on a good set-up, and on others in each of which one thing is wrong. */
import { writeFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { examine, type DoctorOptions } from '../../cli/doctor/examine.js';
import type { Finding } from '../../lib/doctor/finding.js';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { startPetstoreServer } from '../endpoints/petstore-server.js';
import { freePort } from '../process/relay.js';
import { startTinyServer } from '../support/openssl.js';
import { runHookline, runJson } from '../support/run-hookline.js';
import { startTestService } from '../support/service.js';
import { makeTlsCertificate, SECRET, startGoodSetUp, startProxy, startRegistered } from './set-up.js';

interface Diagnosis {
  ok: boolean;
  errors: number;
  warnings: number;
  findings: Finding[];
}

/** One finding at least of each. */
const LOOKED_AT = [
  'settings redis redis-version redis-persistence redis-eviction redis-memory redis-latency redis-clock receiver',
  'refusals pitchpoint-keys clock pce-certificates public-tls public-url petstore-endpoint pce-subscription',
  'handlers petstore-secret workers pce-credentials disk',
].flatMap((line) => line.split(' '));

t.setTimeout(300_000);

const good = await startGoodSetUp(t);

/** The command line, in a process of its own. */
async function run(t: Test, more: Record<string, string> = {}, args: string[] = []) {
  const env = { ...good.environment, ...more };
  const { exit, json, stderr } = await runJson<Diagnosis>(t, ['doctor', ...args], { env });
  t.equal(stderr, '');
  return { exit, ...json };
}

/** What it does, in this process: which does not trust the certificate, so that there is no public URL. */
async function look(more: Record<string, string> = {}, options: Partial<DoctorOptions> = {}) {
  const { PUBLIC_URL: _untrusted, ...environment } = good.environment;
  return examine({ minFree: '1gb', wait: '10s', ...options }, async () => {
    const definitions = await loadSources();
    return { definitions, settings: parseSettings({ ...environment, ...more }, definitions) };
  });
}

/** Without what depends on the kind of the test's own store. */
function warnings({ findings }: { findings: Finding[] }): Finding[] {
  return findings.filter(({ level, name }) => level === 'warn' && name !== 'redis-persistence');
}

void t.test('a good set-up, twice: what doctor does itself is no finding', async (t) => {
  const result = await run(t);
  t.equal(result.exit, 0, JSON.stringify(result.findings.filter(({ level }) => level === 'error')));
  t.equal(result.ok, true);
  t.same(warnings(result), []);
  const names = new Set(result.findings.map(({ name }) => name));
  for (const name of LOOKED_AT) t.ok(names.has(name), `${name} was looked at`);
  const text = await runHookline(t, ['doctor'], { env: good.environment });
  t.equal(text.exit, 0);
  t.match(
    text.stdout,
    /^ok {5}petstore-endpoint +https:\/\/127.0.0.1:\d+\/webhooks\/petstore is active \(wh_1\)$/m,
  );
  t.match(text.stdout, /^ok {5}refusals +none since the start$/m, 'of the receiver, nor of doctor itself');
  t.match(text.stdout, /^0 errors, \d+ warnings, \d+ well\.$/m);
  t.notMatch(text.stdout, SECRET, 'no secret is shown');
  t.same(await leftOver(t, 'doctor'), []);
});

/** Keys of test deliveries: none is left, so that neither counts nor the dashboard show them. */
async function leftOver(t: Test, prefix: string): Promise<string[]> {
  const redis = new Redis(good.store.url);
  t.teardown(() => redis.disconnect());
  return redis.keys(`${prefix}:petstore:*hookline-doctor*`);
}

/** What is wrong, and what doctor must find of it: this one error and no other. */
interface Broken {
  name: string;
  found: RegExp;
  todo: RegExp;
  environment?: Record<string, string>;
  options?: Partial<DoctorOptions>;
}

const dead = `http://127.0.0.1:${await freePort()}`;

const simple: Record<string, Broken> = {
  'a setting that is none': {
    environment: { PORT: 'eighty' },
    name: 'settings',
    found: /PORT: .*"eighty"/,
    todo: /Set each as it says/,
  },
  'Redis is not there': {
    environment: { REDIS_URL: dead.replace('http', 'redis') },
    name: 'redis',
    found: /REDIS_URL cannot be reached/,
    todo: /Check host, port, password and TLS/,
  },
  'the receiver is not there': {
    options: { receiver: dead },
    name: 'receiver',
    found: /ECONNREFUSED/,
    todo: /Start it/,
  },
  'the key server is not there': {
    environment: { PITCHPOINT_ISSUER: dead },
    name: 'pitchpoint-keys',
    found: /could not be reached: connect ECONNREFUSED/,
    todo: /Check PITCHPOINT_ISSUER/,
  },
  'the certificates’ origin is not there': {
    environment: { PCE_TRUSTED_ORIGINS: dead },
    name: 'pce-certificates',
    found: /could not be reached: connect ECONNREFUSED/,
    todo: /PCE_TRUSTED_ORIGINS/,
  },
  'the secret is another one than the receiver’s': {
    environment: { PETSTORE_WEBHOOK_SECRET: 'another-secret' },
    name: 'petstore-secret',
    found: /refuses a delivery signed with PETSTORE_WEBHOOK_SECRET of this environment \(401\)/,
    todo: /Restart the receiver with this secret/,
  },
  'the Basic credentials are not the receiver’s': {
    environment: { PCE_BASIC_PASSWORD: 'another' },
    name: 'pce-credentials',
    found: /does not take PCE_BASIC_USER and PCE_BASIC_PASSWORD of this environment \(401\)/,
    todo: /compare them with the endpoint at PCE/,
  },
  'the token of Petstore’s API is wrong': {
    environment: { PETSTORE_API_TOKEN: 'expired' },
    name: 'petstore-api',
    found: /401.*set PETSTORE_API_TOKEN to one that is current/,
    todo: /PETSTORE_API_TOKEN/,
  },
  'the disk is too full': {
    options: { minFree: '1000000gb' },
    name: 'disk',
    found: /less than 1000000.0 GB/,
    todo: /Make room/,
  },
};

function judge(t: Test, title: string, findings: Finding[], { name, found, todo }: Broken): void {
  const errors = findings.filter(({ level }) => level === 'error');
  t.same(
    errors.map((error) => error.name),
    [name],
    `${title}: this error and no other`,
  );
  t.match(errors[0], { found, why: /\w/, todo }, title);
  t.comment(`${title}: ${name}: ${errors[0]?.found} → ${errors[0]?.todo}`);
  t.notMatch(JSON.stringify(findings), SECRET, 'no secret is shown');
}

async function check(t: Test, title: string, broken: Broken): Promise<void> {
  judge(t, title, await look(broken.environment, broken.options), broken);
}

void t.test('one thing is wrong: it is named, and nothing else', async (t) => {
  await Promise.all(Object.entries(simple).map(([title, broken]) => check(t, title, broken)));
});

void t.test('exit code 1, and what to do, on the command line', async (t) => {
  const { exit, ok, errors, findings } = await run(t, { NODE_EXTRA_CA_CERTS: '' });
  t.same([exit, ok, errors], [1, false, 1]);
  judge(t, 'the public URL has a certificate that nobody trusts', findings, {
    name: 'public-tls',
    found: /the certificate of 127.0.0.1:\d+ is not valid: DEPTH_ZERO_SELF_SIGNED_CERT/,
    todo: /an authority that is known/,
  });
  const text = await runHookline(t, ['doctor'], { env: { ...good.environment, PORT: 'eighty' } });
  t.equal(text.exit, 1);
  t.match(text.stdout, /^ERROR {2}settings[^]*\n {9}why: {2}\w.*\n {9}todo: Set each as it says/m);
});

void t.test('Redis may throw events away', async (t) => {
  const redis = new Redis(good.store.url);
  t.teardown(() => redis.disconnect());
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await check(t, 'eviction', {
    name: 'redis-eviction',
    found: /maxmemory-policy is allkeys-lru: when its memory is full, Redis throws queued events away/,
    todo: /Set maxmemory-policy to noeviction/,
  });
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
});

void t.test('the endpoint at Petstore', async (t) => {
  const disabled = await startRegistered(t, good.publicUrl);
  for (const endpoint of disabled.endpoints) endpoint.status = 'disabled';
  const none = await startPetstoreServer(t);
  await Promise.all([
    check(t, 'disabled', {
      environment: { PETSTORE_API_URL: disabled.url },
      name: 'petstore-endpoint',
      found: /is disabled \(wh_1\)/,
      todo: /hookline endpoints enable wh_1/,
    }),
    check(t, 'not registered', {
      environment: { PETSTORE_API_URL: none.url },
      name: 'petstore-endpoint',
      found: /none is registered for any receiver; there is: none at all/,
      todo: /hookline endpoints create --url https:/,
    }),
  ]);
});

void t.test('a delivery by Petstore itself, where that is asked for', async (t) => {
  const [right, wrong] = await Promise.all([
    startRegistered(t, good.address),
    startRegistered(t, good.address),
  ]);
  for (const endpoint of wrong.endpoints) endpoint.secret = 'another-secret-at-petstore';
  const ask = async (url: string) =>
    (await look({ PETSTORE_API_URL: url }, { providerTest: true })).filter(
      ({ name }) => name === 'petstore-delivery',
    );
  t.match(await ask(right.url), [{ level: 'ok', found: 'Petstore has delivered a pet.adopted' }]);
  t.match(await ask(wrong.url), [
    {
      level: 'error',
      found: /could not deliver a pet.adopted \(401\)/,
      todo: /The secret is not the endpoint’s/,
    },
  ]);
  t.notOk(
    (await look()).some(({ name }) => name === 'petstore-delivery'),
    'and not otherwise',
  );
});

void t.test('handlers and workers', async (t) => {
  const handlers = path.join(good.folder, 'handlers');
  await mkdir(handlers);
  const text = (source: string, topic: string) =>
    `export default { source: '${source}', topic: '${topic}', handle() {} };`;
  await Promise.all([
    writeFile(path.join(handlers, 'a.mjs'), text('petstore', 'pet.adopted')),
    writeFile(path.join(handlers, 'b.mjs'), text('pitchpoint', '*')),
    writeFile(path.join(handlers, 'c.mjs'), text('pce', '*')),
  ]);
  const { REDIS_URL, ...environment } = good.environment;
  const idle = await startTestService(
    t,
    { url: REDIS_URL ?? '', prefix: 'idle' },
    {
      ...environment,
      PORT: '0',
      ROLE: 'receiver',
      QUEUE_PREFIX: 'idle',
      SHUTDOWN_TIMEOUT: '1s',
      PETSTORE_WEBHOOK_SECRET: `${SECRET},an-older-secret`,
    },
  );
  await Promise.all([
    check(t, 'no handler for an event that was asked for', {
      environment: { HANDLERS_DIR: handlers },
      name: 'handlers',
      found: /none takes petstore order.created, which the endpoint asks for/,
      todo: /hookline endpoints update wh_1 --events/,
    }),
    check(t, 'no worker', {
      environment: {
        QUEUE_PREFIX: 'idle',
        PORT: new URL(idle.address).port,
        PETSTORE_WEBHOOK_SECRET: `${SECRET},an-older-secret`,
      },
      options: { wait: '1s' },
      name: 'workers',
      found: /was not handled within 1 s \(waiting\)/,
      todo: /Start a worker/,
    }),
  ]);
  t.same(await leftOver(t, 'idle'), [], 'both that nobody handled');
});

void t.test('the key server’s clock, and certificates', async (t) => {
  const [keyed, misnamed, old] = await Promise.all([
    keyServerAnHourAhead(t),
    makeTlsCertificate(t, good.folder, { address: '127.0.0.2' }),
    makeTlsCertificate(t, good.folder, { days: 5 }),
  ]);
  const [elsewhere, expiring] = await Promise.all([
    startProxy(t, good.address, misnamed),
    startProxy(t, good.address, old),
  ]);
  const petstore = await startRegistered(t, elsewhere);
  await check(t, 'this clock is behind', {
    environment: { PITCHPOINT_ISSUER: keyed, PITCHPOINT_JWKS_URI: `${keyed}/keys` },
    name: 'clock',
    found: /3\d\d\d s behind the key server’s/,
    todo: /NTP/,
  });
  const [{ findings }, aging] = await Promise.all([
    run(t, { PUBLIC_URL: elsewhere, PETSTORE_API_URL: petstore.url, NODE_EXTRA_CA_CERTS: misnamed.file }),
    run(t, { PUBLIC_URL: expiring, NODE_EXTRA_CA_CERTS: old.file }),
  ]);
  judge(t, 'a certificate for another name', findings, {
    name: 'public-tls',
    found: /ERR_TLS_CERT_ALTNAME_INVALID/,
    todo: /a certificate for this very name/,
  });
  t.match(
    aging.findings.find(({ name }) => name === 'public-tls'),
    { level: 'warn', found: /is valid for \d more days only/, todo: /Renew it/ },
  );
});

/** The good set-up's keys, by a clock of its own. */
async function keyServerAnHourAhead(t: Test): Promise<string> {
  const keys = await (await fetch(`${good.environment['PITCHPOINT_ISSUER']}/.well-known/jwks.json`)).text();
  const server = await startTinyServer(t);
  server.answers['/keys'] = keys;
  server.headers['date'] = new Date(Date.now() + 3_600_000).toUTCString();
  return server.origin;
}

void t.test('a public URL that leads nowhere, or elsewhere', async (t) => {
  const findings = await look({}, { url: dead.replace('http', 'https') });
  const errors = findings.filter(({ level }) => level === 'error');
  t.match(errors, [
    { name: 'public-url', found: /cannot be reached \(ECONNREFUSED\)/, todo: /firewall/ },
    // Nor is an endpoint registered for it.
    { name: 'petstore-endpoint', found: /none is registered for https:.*there is: https:/ },
  ]);
  t.equal(errors.length, 2);
  t.match(
    (await look({}, { url: good.address })).find(({ name }) => name === 'public-tls'),
    { level: 'error', found: /is http/, todo: /a proxy with a certificate/ },
  );
});

void t.test('mistakes on the command line', async (t) => {
  await t.rejects(look({}, { minFree: 'much' }), {
    message: /--min-free wants a size such as 1gb; given: much/,
  });
  await t.rejects(look({}, { wait: '1h' }), { message: /--wait wants a duration up to 15s/ });
});
