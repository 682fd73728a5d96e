/** Authentic bodies and names of the worst kind: each is one job with the very bytes, handled or quarantined, and no more. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { startPceSender } from '../../senders/pce.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openOwnStore } from '../support/store.js';

// Of its own, as keys outside the prefix are looked for.
const store = { url: await openOwnStore(t), prefix: 'hostile' };
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const [pitchpoint, pce] = await Promise.all([startPitchpointSender(), startPceSender()]);
t.teardown(() => Promise.all([pitchpoint.close(), pce.close()]));
const service = await startTestService(t, store, {
  ...petstore.environment,
  ...pitchpoint.environment,
  ...pce.environment,
  SHUTDOWN_TIMEOUT: '100ms',
});
const { address } = service;
const redis = new Redis(store.url, { maxRetriesPerRequest: null });
t.teardown(() => redis.disconnect());

const LEVELS = 100_000;
const BODIES: Record<string, string | Buffer> = {
  'lists in lists, a hundred thousand deep': `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`,
  'objects in objects, as deep': `${'{"a":'.repeat(LEVELS)}1${'}'.repeat(LEVELS)}`,
  'as deep, and never closed': '['.repeat(LEVELS),
  'deep inside the data': `{"id":"deep","eventType":"pet.adopted","data":${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}}`,
  'a prototype':
    '{"id":"proto","eventType":"pet.adopted","__proto__":{"polluted":true},"data":{"__proto__":{"polluted":true}}}',
  'a constructor':
    '{"id":"constructor","eventType":"pet.adopted","constructor":{"prototype":{"polluted":true}}}',
  'names of methods': '{"toString":1,"valueOf":2,"then":3,"id":"then","eventType":"toString"}',
  'members twice': '{"id":"first","id":"second","eventType":"a","eventType":"pet.adopted"}',
  'a number beyond 2^53': '{"id":"large","eventType":"pet.adopted","data":{"amount":9007199254740993.10}}',
  'a number beyond all': '{"id":"infinite","eventType":"pet.adopted","data":1e999}',
  'a million members': `{"id":"many","eventType":"pet.adopted","data":[${'0,'.repeat(1_000_000)}0]}`,
  'NUL inside': '{"id":"nul","eventType":"pet.adopted","data":"\0"}',
  'NUL as an escape': '{"id":"nul-escaped","eventType":"pet.adopted","data":"\\u0000"}',
  'half a surrogate pair': '{"id":"half","eventType":"pet.adopted","data":"\\ud800"}',
  'a byte order mark': '\ufeff{"id":"bom","eventType":"pet.adopted"}',
  'bytes that are no UTF-8': Buffer.from('{"id":"latin","eventType":"pet.adopted","data":"\xe9"}', 'latin1'),
  'an overlong form': Buffer.concat([Buffer.from('{"id":"'), Buffer.of(0xc0, 0xaf), Buffer.from('"}')]),
  'UTF-16': Buffer.from('{"id":"wide"}', 'utf16le'),
  nothing: '',
  'white space': ' \n\t',
  'single quotes': "{'id':'quotes'}",
  comments: '{/* a */"id":"comment"}',
};

interface Taken {
  source: string;
  id: string;
}

async function accept(request: SignedRequest): Promise<Taken> {
  const { status, body } = await post(address, request, { timeoutMs: 60_000 });
  if (status !== 200) throw new Error(`${status} ${body}`);
  return JSON.parse(body) as Taken;
}

async function jobs(source: string): Promise<number> {
  const queue = new Queue(source, { connection: redis, prefix: store.prefix });
  return Object.values(await queue.getJobCounts()).reduce((sum, count) => sum + count, 0);
}

void t.test('hostile JSON is one job with the very bytes', { timeout: 120_000 }, async (t) => {
  for (const [name, text] of Object.entries(BODIES)) {
    const rawBody = Buffer.from(text);
    const requests = [
      await petstore.request({ topic: 'x', data: {} }, { rawBody }),
      await pitchpoint.request({ topic: 'orders/placed', data: {} }, { rawBody }),
    ];
    for (const request of requests) {
      const source = request.path.slice('/webhooks/'.length);
      const before = await jobs(source);
      const { id } = await accept(request);
      t.equal(await jobs(source), before + 1, `${source}, ${name}: one job`);
      const { jobId, attemptsMade } = await untilState(address, source, id);
      t.equal(attemptsMade, 1, 'tried once');
      const queue = new Queue(source, { connection: redis, prefix: store.prefix });
      const { data } = (await queue.getJob(String(jobId))) as {
        data: { rawBody: string; encoding?: BufferEncoding };
      };
      t.ok(Buffer.from(data.rawBody, data.encoding ?? 'utf8').equals(rawBody), 'the very bytes');
    }
  }
  t.equal((Object.prototype as { polluted?: boolean }).polluted, undefined, 'no prototype is changed');
  const text = await pce.request({ topic: 'x', data: '['.repeat(LEVELS) });
  const { id } = await accept(text);
  t.equal((await untilState(address, 'pce', id))['attemptsMade'], 1, 'and inside an SNS message');
  t.equal((await fetch(`${address}/health/ready`)).status, 200);
});

const NAMES = [
  'x\r\nX-Injected: 1',
  'x\n{"level":60,"msg":"forged"}',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'a:b:*',
  '{braces}',
  `${store.prefix}:petstore:wait`,
  '../../admin',
  '\u001b[2Jcleared',
  '\u202egnp.exe',
  'x"} 1\nhookline_deliveries_total{source="y"} 9',
  'é日🐶',
  'x'.repeat(10_000),
];

void t.test(
  'hostile names stay names: in logs, keys, metrics, job names and pages',
  { timeout: 120_000 },
  async (t) => {
    const own = (keys: string[]) => keys.filter((key) => !key.startsWith(`${store.prefix}:`));
    const foreign = own(await redis.keys('*')).length;
    const printed = service.lines.length;
    for (const name of NAMES) {
      const envelope = JSON.stringify({ id: name, eventType: name, timestamp: name, data: {} });
      const byBody = await petstore.request({ topic: 'x', data: {} }, { rawBody: envelope });
      const { id } = await accept(byBody);
      t.ok(id.length <= 256, 'an id of bounded length');
      await untilState(address, 'petstore', id, 'failed');
      const latin = Buffer.from(name)
        .toString('latin1')
        .replace(/[^ -~\u00a0-\u00ff]/g, '')
        .slice(0, 2_000);
      const byHeaders = await pitchpoint.request(
        { topic: latin, data: {} },
        { id: latin, tenantId: latin, subTopic: latin },
      );
      const taken = await accept(byHeaders);
      await untilState(address, 'pitchpoint', taken.id);
      for (const path of [
        `/admin/api/deliveries/petstore/${encodeURIComponent(id)}`,
        '/admin/queues/api/queues?activeQueue=petstore&status=failed&page=1',
      ]) {
        const answer = await fetch(address + path);
        t.match(answer.headers.get('content-type'), /^application\/json/, 'no page is made of it');
        t.equal(answer.headers.get('x-injected'), null);
        t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      }
    }
    const html = await (await fetch(`${address}/admin/queues`)).text();
    t.notMatch(html, /alert\(1\)|onerror/);
    const metrics = await (await fetch(`${address}/metrics`)).text();
    t.notMatch(metrics, /<script|source="y"|braces|🐶/);
    t.equal(own(await redis.keys('*')).length, foreign, 'no key outside our prefix');
    const lines = service.lines.slice(printed);
    t.ok(lines.length > NAMES.length);
    t.notOk(
      lines.some(({ level, msg }) => level === 60 || msg === 'forged'),
      'no line that the sender wrote',
    );
    const isOdd = (character: string) => character < ' ' || character === '\u202e';
    const odd = lines.filter((line) =>
      Object.values(line).some((field) => String(field).split('').some(isOdd)),
    );
    t.same(odd, [], 'no control character in a field');
  },
);
