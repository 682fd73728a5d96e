/** What goes wrong with Petstore's API, and what is said about it. */
import t, { type Test } from 'tap';
import { PetstoreApi } from '../../lib/petstore-api/client.js';
import { freePort } from '../process/relay.js';
import { runHookline, runJson } from '../support/run-hookline.js';
import { startPetstoreServer, TOKEN, type PetstoreServer } from './petstore-server.js';

interface Failure {
  error: { code: string; message: string; status: number | null };
}

const CREATE = ['create', '--url', 'https://h.example.com', '--events', 'pet.adopted', '--secret-file', '-'];
const SECRET = 'a-secret-that-nobody-may-see';

async function fails(t: Test, petstore: Pick<PetstoreServer, 'url'>, args: string[], token = TOKEN) {
  const env = { PETSTORE_API_URL: petstore.url, PETSTORE_API_TOKEN: token };
  const { exit, json, stderr, stdout } = await runJson<Failure>(t, ['endpoints', ...args], {
    env,
    stdin: SECRET,
  });
  t.equal(exit, 1, args.join(' '));
  t.match(stderr, json.error.message, 'the same to people');
  for (const hidden of [SECRET, token]) t.notMatch(stdout + stderr, hidden, 'no secret, no token');
  t.comment(`${args[0]}: ${json.error.message}`);
  return json.error;
}

void t.test('answers that are refusals, in the words of the command line', async (t) => {
  const petstore = await startPetstoreServer(t);
  const registered = {
    id: 'wh_0',
    url: 'https://h.example.com/webhooks/petstore',
    events: [],
    secret: SECRET,
  };
  petstore.endpoints.push({ ...registered, status: 'active', createdAt: '2025-01-06T12:00:00Z' });
  const unknown = CREATE.with(2, 'https://i.example.com').with(4, 'pet.sold');
  const elsewhere = { url: petstore.url.replace('/v1', '/v2') };
  const [unauthorized, missing, conflict, invalid, noApi] = await Promise.all([
    fails(t, petstore, ['list'], 'wrong-token'),
    fails(t, petstore, ['show', 'wh_1']),
    fails(t, petstore, CREATE),
    fails(t, petstore, unknown),
    fails(t, elsewhere, ['list']),
  ]);
  t.match(unauthorized, { code: 'unauthorized', status: 401, message: 'PETSTORE_API_TOKEN' });
  t.match(missing, {
    code: 'not-found',
    status: 404,
    message: /There is no such endpoint.*hookline endpoints list/,
  });
  t.match(conflict, {
    code: 'conflict',
    status: 409,
    message: /an endpoint with this URL.*hookline endpoints update/,
  });
  t.match(invalid, { code: 'invalid', status: 422, message: /events: must be one or more of pet.adopted/ });
  t.match(noApi, { code: 'not-found', message: /There is no API at this address/ });
  petstore.fault = {
    status: 422,
    body: { message: `secret ${SECRET} was seen before`, errors: [`token ${TOKEN}`] },
  };
  t.match(
    await fails(t, petstore, CREATE),
    { code: 'invalid', message: /It says: secret \*\*\* was seen before; token \*\*\*\./ },
    'a server that echoes secrets',
  );
});

void t.test('answers that are none of the API', async (t) => {
  const petstore = await startPetstoreServer(t);
  const api = new PetstoreApi({ baseUrl: petstore.url, token: TOKEN, timeoutMs: 5_000, pauseMs: 1 });
  petstore.fault = { status: 403 };
  await t.rejects(api.list(), { code: 'forbidden', status: 403 });
  petstore.fault = { status: 302, headers: { location: 'https://elsewhere.example.com/' } };
  await t.rejects(api.list(), { code: 'unexpected', message: /redirect.*PETSTORE_API_URL/ });
  petstore.fault = { status: 200, body: '<html>Welcome</html>' };
  await t.rejects(api.list(), { code: 'unexpected', message: /cannot be read/ });
});

void t.test('what passes is tried again, what could be done twice is not', async (t) => {
  const petstore = await startPetstoreServer(t);
  const api = new PetstoreApi({ baseUrl: petstore.url, token: TOKEN, timeoutMs: 2_000, pauseMs: 1 });
  const endpoint = { url: 'https://h.example.com', events: ['pet.adopted'], secret: SECRET };
  const count = () => petstore.requests.splice(0).length;

  petstore.fault = { status: 503, times: 2 };
  t.same(await api.list(), []);
  t.equal(count(), 3, 'a list, after two 503s');
  petstore.fault = { status: 429, headers: { 'retry-after': '0' }, times: 1 };
  const { id } = await api.create(endpoint);
  t.equal(count(), 2, 'a 429 has done nothing, so that even a creation is tried again');
  petstore.fault = { status: 500 };
  await t.rejects(api.create({ ...endpoint, url: 'https://i.example.com' }), {
    code: 'provider-fault',
    message: /Whether it was done all the same is not known/,
  });
  t.equal(count(), 1, 'a creation that failed with 500 may have been done');
  await t.rejects(api.list(), { code: 'provider-fault', status: 500 });
  t.equal(count(), 4, 'a list that goes on failing');
  petstore.fault = { status: 429, headers: { 'retry-after': '3600' } };
  await t.rejects(api.list(), { code: 'rate-limited', status: 429 });
  t.equal(count(), 1, 'an hour is for people to wait');
  petstore.fault = { status: 502, times: 1 };
  await api.delete(id);
  t.equal(count(), 2);
  await t.rejects(api.delete(id), { code: 'not-found' }, 'it was not there at the first try');
  t.equal(count(), 1);

  petstore.fault = undefined;
  petstore.hangs = true;
  const hasty = new PetstoreApi({ baseUrl: petstore.url, token: TOKEN, timeoutMs: 100, pauseMs: 1 });
  await t.rejects(hasty.create(endpoint), { code: 'timeout', message: /Whether it was done/ });
  t.equal(count(), 1);
  await t.rejects(hasty.list(), {
    code: 'timeout',
    message: /was asked to list the endpoints and did not answer in time/,
  });
  t.equal(count(), 4);
});

void t.test('faults of the provider and of the network, in the words of the command line', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => startPetstoreServer(t)));
  const [busy, broken, hanging] = servers as [PetstoreServer, PetstoreServer, PetstoreServer];
  busy.fault = { status: 429, headers: { 'retry-after': '60' } };
  broken.fault = { status: 500, body: { message: 'boom' } };
  hanging.hangs = true;
  const nowhere = { url: `http://127.0.0.1:${await freePort()}/v1` };
  const [limited, fault, late, refused, unknown] = await Promise.all([
    fails(t, busy, ['list']),
    fails(t, broken, CREATE),
    fails(t, hanging, [...CREATE, '--timeout', '300ms']),
    fails(t, nowhere, ['list', '--retries', '0']),
    fails(t, { url: 'https://api.petstore.invalid/v1' }, ['list', '--retries', '0']),
  ]);
  t.match(limited, { code: 'rate-limited', status: 429, message: 'wait a minute' });
  t.match(fault, {
    code: 'provider-fault',
    status: 500,
    message: /It says: boom\..*hookline endpoints list/,
  });
  t.match(late, { code: 'timeout', message: '--timeout' });
  t.match(
    refused,
    { code: 'network', status: null, message: /ECONNREFUSED.*PETSTORE_API_URL/ },
    'a network that is not there',
  );
  t.match(unknown, { code: 'network', message: /ENOTFOUND|EAI_AGAIN/ });
});

void t.test('mistakes on the command line', async (t) => {
  const env = { PETSTORE_API_URL: 'http://127.0.0.1:9', PETSTORE_API_TOKEN: TOKEN };
  const cases: Array<[args: string[], message: RegExp]> = [
    [['create', '--url', 'ftp://h', '--events', 'a'], /--url wants the receiver's public address/],
    [['create', '--url', 'https://h', '--events', ','], /--events wants one or more event types/],
    [['update', 'wh_1'], /Say what to change/],
    [['list', '--timeout', 'soon'], /--timeout wants a duration/],
    [['list', '--retries', '-1'], /--retries wants a whole number from 0 to 10/],
    [['watch', '--every', '1ms'], /--every wants a duration/],
    [['status', 'petstore'], /This is for pce only/],
    [['describe', 'pce', '--url', 'https://h'], /This is for pitchpoint only/],
  ];
  const [without] = await Promise.all([
    runHookline(t, ['endpoints', 'list']),
    ...cases.map(async ([args, message]) => {
      const { exit, stderr } = await runHookline(t, ['endpoints', ...args], { env });
      t.equal(exit, 1, args.join(' '));
      t.match(stderr, message);
      t.notMatch(stderr, /^\s+at /m, 'no stack');
    }),
  ]);
  t.match(without, { exit: 1, stderr: /PETSTORE_API_TOKEN is not set/ });
});
