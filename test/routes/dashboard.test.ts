/** The Bull dashboard answers, and shows no credential of any provider. */
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import {
  pceSamples,
  pceSubscriptionConfirmation,
  pceUnsubscribeConfirmation,
} from '../../senders/samples/pce.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const SECRET = 'whsec_of-the-endpoint';
const petstore = createPetstoreSender({ secret: SECRET });
const pce = await startPceSender({ basic: { user: 'pce', password: 'basic-p4ss' } });
t.teardown(() => pce.close());
const store = await openStore(t);
const { address, lines } = await startTestService(t, store, {
  ...petstore.environment,
  ...pce.environment,
  SHUTDOWN_TIMEOUT: '100ms',
});
const board = `${address}/admin/queues`;

async function deliver(request: SignedRequest) {
  const source = request.path.slice('/webhooks/'.length);
  const { status, body } = await post(address, request, { timeoutMs: 10_000 });
  if (status !== 200) throw new Error(`${status} ${body}`);
  const { id } = JSON.parse(body) as { id: string };
  return { source, id, jobId: String((await untilState(address, source, id)).jobId) };
}

/** Everything that the dashboard's API says about a job. */
async function shown(source: string, jobId: string, state: string): Promise<string> {
  const paths = [
    `/api/queues?activeQueue=${source}&status=${state}&page=1&jobsPerPage=50`,
    `/api/queues?activeQueue=${source}&status=latest&page=1&jobsPerPage=50`,
    `/api/queues/${source}/${encodeURIComponent(jobId)}`,
    `/api/queues/${source}/${encodeURIComponent(jobId)}/logs`,
  ];
  const texts = await Promise.all(paths.map(async (path) => (await fetch(board + path)).text()));
  return texts.join('\n');
}

void t.test('the page, its files and its API', async (t) => {
  const page = await fetch(board);
  t.equal(page.status, 200);
  t.match(page.headers.get('content-type'), /^text\/html/);
  const html = await page.text();
  t.match(html, /Hookline/);
  const [, script = ''] = /src="([^"]+\.js)"/.exec(html) ?? [];
  const file = await fetch(new URL(script, `${board}/`));
  t.equal(file.status, 200, script);
  t.match(file.headers.get('content-type'), /javascript/);

  const answer = (await (await fetch(`${board}/api/queues`)).json()) as { queues: Array<{ name: string }> };
  t.same(answer.queues.map(({ name }) => name).sort(), ['pce', 'petstore', 'pitchpoint'], 'enabled or not');
});

void t.test('a delivery is shown with its body read', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: { pet: { name: 'Búddy 🐶' } } });
  const { jobId } = await deliver(request);
  const text = await shown('petstore', jobId, 'completed');
  t.match(text, 'Búddy 🐶');
  t.match(text, request.id);
});

void t.test('credentials of a body are masked', async (t) => {
  const data = {
    password: 'p4ss-1',
    user: { passwd: 'p4ss-2', tokens: [{ access_token: 'p4ss-3' }] },
    list: [[{ client_secret: 'p4ss-4' }]],
    payment: { card_number: 'p4ss-5', cvv: 'p4ss-6' },
    apiKey: 'p4ss-7',
  };
  for (const topic of ['pet.adopted', 'nobody.handles.this']) {
    const { jobId } = await deliver(await petstore.request({ topic, data }));
    const text = await shown('petstore', jobId, topic === 'pet.adopted' ? 'completed' : 'failed');
    t.match(text, jobId, topic);
    t.notMatch(text, /p4ss-/, topic);
    t.notMatch(text, SECRET);
    t.notMatch(text, /sha256=/, 'nor is the signature shown');
  }
});

void t.test('a body that is no JSON is not shown, as nothing in it could be masked', async (t) => {
  const bodies = ['password=p4ss', '{"password":"p4ss"', Buffer.from('{"password":"p4ss\xff"}', 'latin1')];
  for (const rawBody of bodies) {
    const { jobId } = await deliver(await petstore.request({ topic: 'x', data: {} }, { rawBody }));
    const text = await shown('petstore', jobId, 'failed');
    t.match(text, jobId);
    t.notMatch(text, /p4ss/, String(rawBody));
    t.notMatch(text, Buffer.from(rawBody).toString('base64'));
  }
});

void t.test('Token and SubscribeURL of SNS are credentials', async (t) => {
  for (const sample of [pceSubscriptionConfirmation, pceUnsubscribeConfirmation]) {
    const request = await pce.request(sample);
    const { Token = '', SubscribeURL = '' } = JSON.parse(request.body.toString()) as Record<string, string>;
    const { jobId } = await deliver(request);
    const text = await shown('pce', jobId, 'completed');
    t.match(text, jobId);
    t.notMatch(text, Token, `${sample.topic}: the token`);
    t.notMatch(text, SubscribeURL, `${sample.topic}: the URL`);
    t.notMatch(text, /basic-p4ss|cGNlOmJhc2lj/, 'nor the credentials of the endpoint');
  }
});

void t.test('credentials inside the JSON that SNS carries as text', async (t) => {
  const [sample] = pceSamples;
  if (!sample) throw new Error('A sample is missing.');
  const data = { eventType: 'UserCreated', user: { password: 'p4ss-inside' }, shown: 'plain-inside' };
  const { jobId } = await deliver(await pce.request(sample, { data }));
  const text = await shown('pce', jobId, 'completed');
  t.notMatch(text, /p4ss-inside/);
});

void t.test('nothing of it is logged either', async (t) => {
  t.notMatch(JSON.stringify(lines), /p4ss|whsec_|sha256=/);
});
