/** An authentic body is taken as it is: whatever it is called, and however large up to BODY_LIMIT. */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { lookUp, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const ENVIRONMENT = { ...sender.environment, SHUTDOWN_TIMEOUT: '100ms' };
const { address } = await startTestService(t, store, ENVIRONMENT);
const redis = new Redis(store.url, { maxRetriesPerRequest: null });
t.teardown(() => redis.disconnect());
const queue = new Queue('petstore', { connection: redis, prefix: store.prefix });

/** Posts with exactly these headers; `chunked` leaves the length unsaid. */
function send(to: string, headers: http.OutgoingHttpHeaders, body: Buffer, chunked = false) {
  return new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const length = chunked ? {} : { 'Content-Length': body.length };
    const request = http.request(
      `${to}/webhooks/petstore`,
      { method: 'POST', headers: { ...headers, ...length }, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
        );
      },
    );
    request.on('error', reject).end(body);
  });
}

async function signed(data: unknown, id = randomUUID(), rawBody?: Buffer) {
  const request = await sender.request({ topic: 'pet.adopted', data }, rawBody ? { id, rawBody } : { id });
  const { 'Content-Type': _type, ...signature } = request.headers;
  return { id, signature, body: request.body };
}

async function storedBody(id: string): Promise<string> {
  const { jobId } = await untilState(address, 'petstore', id, 'completed');
  return ((await queue.getJob(String(jobId))) as { data: { rawBody: string } }).data.rawBody;
}

void t.test('no content type is a reason to refuse', async (t) => {
  const types = [
    undefined,
    '',
    ' ',
    'application/json',
    'application/json; charset=utf-8',
    'application/json;',
    'application/json; charset=',
    'application/json; charset=utf-16',
    'APPLICATION/JSON',
    'application/vnd.petstore+json',
    'text/plain; charset=UTF-8',
    'text/html',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'application/octet-stream',
    'json',
    'undefined',
    'null',
    '/',
    'application/',
    '/json',
    'a/b/c',
    ';',
    '; charset=utf-8',
    'application/json, application/json',
    '*/*',
    'ünknown/type',
    '__proto__/constructor',
    `text/${'x'.repeat(5_000)}`,
  ];
  for (const type of types) {
    const { id, signature, body } = await signed({ text: 'é 日本' });
    const headers = type === undefined ? signature : { ...signature, 'Content-Type': type };
    const name = type === undefined ? 'none' : JSON.stringify(type.slice(0, 40));
    t.match(await send(address, headers, body), { status: 200, body: { status: 'accepted', id } }, name);
    t.equal(await storedBody(id), body.toString(), `${name}: to the byte`);
  }
});

void t.test('nor is an encoding: what is signed is what was sent', async (t) => {
  for (const encoding of ['gzip', 'br', 'identity', 'unknown']) {
    const { id, signature, body } = await signed({});
    const headers = { ...signature, 'Content-Encoding': encoding };
    t.match(await send(address, headers, body), { status: 200, body: { status: 'accepted', id } }, encoding);
  }
});

void t.test('a body in chunks', async (t) => {
  const { id, signature, body } = await signed({ text: 'é 日本' });
  t.match(await send(address, { ...signature, 'Content-Type': 'application/json' }, body, true), {
    status: 200,
  });
  t.equal(await storedBody(id), body.toString());
  const nothing = await signed({}, randomUUID(), Buffer.alloc(0));
  t.match(await send(address, nothing.signature, Buffer.alloc(0), true), { status: 200 }, 'in none at all');
});

void t.test('5 MB', async (t) => {
  const { id, signature, body } = await signed({ document: 'JVBERi0x'.repeat(640 * 1024) });
  t.ok(body.length > 5 * 1024 ** 2);
  t.match(await send(address, { ...signature, 'Content-Type': 'application/json' }, body), {
    status: 200,
    body: { status: 'accepted', id },
  });
  t.equal(await storedBody(id), body.toString());
});

void t.test('BODY_LIMIT', async (t) => {
  const limited = await startTestService(t, store, { ...ENVIRONMENT, BODY_LIMIT: '2kb' });
  const sized = (size: number) => {
    const id = randomUUID();
    const empty = JSON.stringify({ id, eventType: 'pet.adopted', data: {}, filler: '' });
    const filler = 'x'.repeat(size - empty.length);
    return signed({}, id, Buffer.from(empty.replace('""', `"${filler}"`)));
  };
  for (const chunked of [false, true]) {
    const fits = await sized(2_048);
    t.match(
      await send(limited.address, fits.signature, fits.body, chunked),
      { status: 200 },
      'the limit itself',
    );
    const { id, signature, body } = await sized(2_049);
    t.equal(body.length, 2_049);
    t.match(await send(limited.address, signature, body, chunked), {
      status: 413,
      body: { statusCode: 413, code: 'HKL_ERR_BODY_TOO_LARGE', error: 'Payload Too Large' },
    });
    t.equal(await lookUp(limited.address, 'petstore', id), undefined, 'nothing is stored');
  }
});
