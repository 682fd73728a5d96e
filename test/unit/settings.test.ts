import t from 'tap';
import { loadSources } from '../../lib/load-sources.js';
import { SettingsError, parseSettings } from '../../lib/settings/settings.js';
import { settingsOf } from '../../lib/settings/share.js';

const definitions = await loadSources();
const DAY = 86_400_000;

/** The problems of an environment, a line each; none when it is right. */
function problems(environment: Record<string, string>): string[] {
  try {
    parseSettings(environment, definitions);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.message.split('\n').slice(1);
  }
}

void t.test('nothing set: the documented defaults', async (t) => {
  t.match(parseSettings({}, definitions), {
    NODE_ENV: 'development',
    ROLE: 'all',
    PORT: 3_000,
    HOST: '127.0.0.1',
    REDIS_URL: undefined,
    DATA_DIR: '.data',
    HANDLERS_DIR: undefined,
    WORKER_CONCURRENCY: 50,
    WORKER_PORT: undefined,
    DEDUPE_WINDOW: 3 * DAY,
    BODY_LIMIT: 10 * 1024 ** 2,
    SHUTDOWN_TIMEOUT: 20_000,
    LOG_LEVEL: 'info',
    ADMIN_USER: undefined,
    ADMIN_PASSWORD: undefined,
    PETSTORE_API_URL: 'https://api.petstoreapi.com/v1',
  });
  for (const definition of definitions)
    t.equal(definition.enabled(parseSettings({}, definitions).sources[definition.name] ?? {}), false);
});

void t.test('empty is unset', async (t) => {
  const names = ['ROLE', 'PORT', 'REDIS_URL', 'DEDUPE_WINDOW', 'BODY_LIMIT', 'ADMIN_USER', 'ADMIN_PASSWORD'];
  names.push('PITCHPOINT_ISSUER', 'PITCHPOINT_TENANTS', 'PCE_TOPIC_ARNS', 'PCE_TRUSTED_ORIGINS');
  names.push('PETSTORE_WEBHOOK_SECRET', 'PETSTORE_API_URL', 'HANDLERS_DIR', 'NODE_ENV', 'LOG_LEVEL');
  for (const empty of ['', ' ', '\t\n']) {
    const environment = Object.fromEntries(names.map((name) => [name, empty]));
    t.same(parseSettings(environment, definitions), parseSettings({}, definitions));
  }
});

const WRONG: Array<[variable: string, value: string]> = [
  ['ROLE', 'both'],
  ['ROLE', 'ALL'],
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '3000.5'],
  ['PORT', '0x50'],
  ['PORT', '3e3'],
  ['PORT', 'http'],
  ['WORKER_PORT', '65536'],
  ['REDIS_URL', 'localhost:6379'],
  ['REDIS_URL', 'http://localhost'],
  ['REDIS_URL', 'redis://'],
  ['EMBEDDED_STORE', 'valkey'],
  ['WORKER_CONCURRENCY', '0'],
  ['WORKER_CONCURRENCY', 'many'],
  ['DEDUPE_WINDOW', '3 days'],
  ['DEDUPE_WINDOW', '0'],
  ['DEDUPE_WINDOW', '-1d'],
  ['BODY_LIMIT', '10 megabytes'],
  ['BODY_LIMIT', '0'],
  ['BODY_LIMIT', '1000gb'],
  ['ACCEPT_TIMEOUT', '1h'],
  ['SHUTDOWN_TIMEOUT', 'soon'],
  ['KEEP_COMPLETED', 'yes'],
  ['KEEP_COMPLETED_COUNT', '-1'],
  ['QUEUE_PREFIX', 'a:b'],
  ['LOG_LEVEL', 'verbose'],
  ['PETSTORE_API_URL', 'api.petstoreapi.com'],
  ['PETSTORE_API_URL', 'ftp://api.petstoreapi.com'],
  ['PITCHPOINT_ISSUER', 'issuer.example'],
  ['PITCHPOINT_JWKS_URI', 'file:///etc/passwd'],
  ['PITCHPOINT_TENANTS', ','],
  ['PCE_TOPIC_ARNS', 'events'],
  ['PCE_TRUSTED_ORIGINS', 'http://127.0.0.1:4000/path'],
];

void t.test('a wrong value names the variable, what was expected and what was given', async (t) => {
  for (const [variable, value] of WRONG) {
    const found = problems({
      PITCHPOINT_AUDIENCE: 'acme',
      PITCHPOINT_ISSUER: 'https://i',
      [variable]: value,
    });
    t.equal(found.length, 1, `${variable}=${value}: one problem, not ${found.join(' and ')}`);
    t.match(found[0], new RegExp(`^ *${variable}: .*expected .+; given: `), `${variable}=${value}`);
    t.ok(found[0]?.endsWith(`; given: ${JSON.stringify(value)}`), found[0] ?? 'no problem');
  }
});

void t.test('several problems are told at once', async (t) => {
  const given = Object.fromEntries(WRONG);
  const named = problems({ ...given, PETSTORE_WEBHOOK_SECRET: 'short', ADMIN_USER: 'admin' });
  const variables = new Set(named.map((line) => /^ *([A-Z_]+): /.exec(line)?.[1]));
  // Whether variables fit together is looked at once each of them is right.
  for (const variable of [...new Set(WRONG.map(([name]) => name)), 'PETSTORE_WEBHOOK_SECRET'])
    t.ok(variables.has(variable), variable);
});

void t.test('what must be set together', async (t) => {
  const pairs = [
    ['ADMIN_USER', 'ADMIN_PASSWORD'],
    ['PCE_BASIC_USER', 'PCE_BASIC_PASSWORD'],
    ['PITCHPOINT_ISSUER', 'PITCHPOINT_AUDIENCE'],
  ] as const;
  const value = 'https://value';
  const right = (name: string) => (name === 'PCE_BASIC_USER' ? 'pce' : value);
  for (const [a, b] of pairs) {
    t.match(problems({ [a]: right(a) }), [new RegExp(`^ *${b}: expected .*; given: nothing$`)]);
    t.match(problems({ [b]: right(b) }), [new RegExp(`^ *${a}: expected .*; given: nothing$`)]);
    t.same(problems({ [a]: right(a), [b]: right(b) }), []);
  }
});

void t.test('production needs a Redis', async (t) => {
  t.match(problems({ NODE_ENV: 'production' }), [/^ *REDIS_URL: expected .*; given: nothing$/]);
  t.same(problems({ NODE_ENV: 'production', REDIS_URL: 'redis://redis' }), []);
  for (const url of ['redis://redis:6379/0', 'rediss://user:p%40ss@redis:6380', 'redis://[::1]:6379'])
    t.equal(parseSettings({ REDIS_URL: url }, definitions).REDIS_URL, url);
});

void t.test('several secrets, tenants and ARNs', async (t) => {
  const { sources } = parseSettings(
    {
      PETSTORE_WEBHOOK_SECRET: ' first-secret ,second-secret,',
      PCE_TOPIC_ARNS: 'arn:aws:sns:us-east-1:1:a, arn:aws:sns:us-east-1:1:b',
    },
    definitions,
  );
  t.match(sources, {
    petstore: { PETSTORE_WEBHOOK_SECRET: ['first-secret', 'second-secret'] },
    pce: { PCE_TOPIC_ARNS: ['arn:aws:sns:us-east-1:1:a', 'arn:aws:sns:us-east-1:1:b'] },
  });
  t.match(problems({ PETSTORE_WEBHOOK_SECRET: 'first-secret,short' }), [/^ *PETSTORE_WEBHOOK_SECRET: /]);
});

void t.test('over how many queues a source is spread', async (t) => {
  const given = { QUEUE_SHARDS: '6', PCE_QUEUE_SHARDS: '1', PCE_CONCURRENCY: '3' };
  t.match(parseSettings({}, definitions).shards, { petstore: 1, pce: 1 });
  t.match(parseSettings(given, definitions).shards, { petstore: 6, pce: 1 });
  const wrong: Array<[Record<string, string>, RegExp]> = [
    [{ QUEUE_SHARDS: '0' }, /QUEUE_SHARDS: expected a whole number from 1 to 64; given: "0"/],
    [{ QUEUE_SHARDS: '6', PCE_CONCURRENCY: '3' }, /PCE_CONCURRENCY: expected nothing/],
    [{ PCE_QUEUE_SHARDS: '2', PCE_HANDLE_RATE: '3/s' }, /PCE_HANDLE_RATE: expected nothing/],
    [{ QUEUE_SHARDS: '6', QUEUE_PREFIX: '{shop}' }, /QUEUE_PREFIX: expected no \{ or \}/],
  ];
  for (const [environment, problem] of wrong) {
    const found = problems(environment);
    t.equal(found.length, 1);
    t.match(found[0], problem);
  }
});

const several = { REDIS_URL: 'redis://127.0.0.1', RECEIVER_PROCESSES: '4' };

void t.test('several processes on one port: what cannot be shared out', async (t) => {
  t.same(problems(several), []);
  t.same(
    problems({ ROLE: 'worker', RECEIVER_PROCESSES: '4' }),
    [],
    'where nothing is received it says nothing',
  );
  const wrong: Array<[Record<string, string>, RegExp]> = [
    [{ RECEIVER_PROCESSES: '0' }, /RECEIVER_PROCESSES: expected a whole number from 1 to 64; given: "0"/],
    [{ RECEIVER_PROCESSES: '2' }, /RECEIVER_PROCESSES: expected 1 without REDIS_URL/],
    [{ ...several, SPOOL_MAX: '3mb' }, /SPOOL_MAX: .*1mb for each of RECEIVER_PROCESSES/],
    [{ ...several, BODY_MEMORY: '79mb' }, /BODY_MEMORY: .*twice BODY_LIMIT for each of RECEIVER_PROCESSES/],
  ];
  for (const [environment, problem] of wrong) {
    const found = problems(environment);
    t.equal(found.length, 1);
    t.match(found[0], problem);
  }
});

void t.test('several processes on one port: what is the share of each', async (t) => {
  const settings = parseSettings({ ...several, MAX_CONNECTIONS: '10', WORKER_PORT: '3001' }, definitions);
  const given = Object.entries(settings);
  const receiver = settingsOf('receiver', settings);
  const changed = given.filter(([name, value]) => receiver[name as keyof typeof receiver] !== value);
  t.same(Object.fromEntries(changed.map(([name]) => [name, receiver[name as keyof typeof receiver]])), {
    ROLE: 'receiver',
    BODY_MEMORY: 64 * 1024 ** 2,
    MAX_CONNECTIONS: 3,
    MAX_CONNECTIONS_PER_ADDRESS: 250,
    MAX_IN_FLIGHT: 250,
    SPOOL_MAX: 256 * 1024 ** 2,
    SPOOL_DRAIN_RATE: { max: 1_000, window: 4_000 },
  });
  t.match(settingsOf('worker', settings), { ROLE: 'worker', WORKER_PORT: undefined, WORKER_CONCURRENCY: 50 });
});
