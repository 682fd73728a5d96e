/** Every error has one shape, a code of the catalogue, and tells a stranger nothing of what is inside. */
import net from 'node:net';
import { STATUS_CODES } from 'node:http';
import t, { type Test } from 'tap';
import { CATALOGUE } from '../../lib/errors.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const { address } = await startTestService(t, store, {
  ...sender.environment,
  BODY_LIMIT: '64kb',
  SHUTDOWN_TIMEOUT: '100ms',
});

/** Sends bytes as they are and reads until the server closes. */
function exchange(text: string): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')));
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    socket.on('error', reject).on('end', () => {
      socket.end();
      resolve(answer);
    });
  });
}

function parse(answer: string) {
  const end = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, end).toLowerCase();
  return {
    status: Number(/^http\/1\.1 (\d{3})/.exec(head)?.[1]),
    type: /^content-type: (.*)$/m.exec(head)?.[1]?.trim() ?? '',
    allow: /^allow: (.*)$/m.exec(head)?.[1]?.trim(),
    body: answer.slice(end + 4),
  };
}

const CODES: readonly string[] = Object.keys(CATALOGUE);

function isError(t: Test, name: string, status: number, given: ReturnType<typeof parse>) {
  t.equal(given.status, status, name);
  t.match(given.type, /^application\/json/, `${name}: JSON`);
  const body = JSON.parse(given.body) as Record<string, unknown>;
  t.match(body, { statusCode: status, error: STATUS_CODES[status], message: /^[A-Z].*\.$/ }, name);
  t.ok(CODES.includes(String(body['code'])), `${name}: ${String(body['code'])} is in the catalogue`);
  t.same(Object.keys(body).sort(), ['code', 'error', 'message', 'statusCode'], `${name}: no more`);
  t.notMatch(
    given.body,
    /\bat .*:\d+:\d+|node_modules|\/work\/|127\.0\.0\.1|redis:|FST_|HPE_/,
    `${name}: no insides`,
  );
}

const close = 'Host: localhost\r\nConnection: close\r\n';

void t.test('paths and methods that are not there', async (t) => {
  const requests: Array<[line: string, status: number]> = [
    ['GET / HTTP/1.1', 404],
    ['GET /nothing HTTP/1.1', 404],
    ['POST /webhooks HTTP/1.1', 404],
    ['POST /webhooks/ HTTP/1.1', 404],
    ['POST /webhooks/nobody HTTP/1.1', 404],
    ['POST /webhooks/pitchpoint HTTP/1.1', 404],
    ['POST /webhooks/__proto__ HTTP/1.1', 404],
    ['POST /webhooks/PETSTORE HTTP/1.1', 404],
    ['POST /webhooks/petstore/more HTTP/1.1', 404],
    ['POST /webhooks/..%2Fpetstore HTTP/1.1', 404],
    ['POST /health/live HTTP/1.1', 404],
    ['DELETE /metrics HTTP/1.1', 404],
    ['DELETE /admin/queues HTTP/1.1', 404],
    ['GET /webhooks/petstore HTTP/1.1', 405],
    ['PUT /webhooks/petstore HTTP/1.1', 405],
    ['PATCH /webhooks/petstore HTTP/1.1', 405],
    ['DELETE /webhooks/petstore HTTP/1.1', 405],
    ['PROPFIND /webhooks/petstore HTTP/1.1', 404],
    ['OPTIONS /webhooks/petstore HTTP/1.1', 404],
  ];
  for (const [line, status] of requests) {
    const given = parse(await exchange(`${line}\r\n${close}Content-Length: 0\r\n\r\n`));
    isError(t, line, status, given);
    if (status === 405) t.equal(given.allow, 'post', `${line}: says what is allowed`);
  }
});

void t.test('paths that cannot be read', async (t) => {
  const paths = ['/webhooks/%zz', '/webhooks/%', '/admin/api/deliveries/petstore/%E0%A4', '/%c0%af'];
  for (const path of paths) {
    const method = path.startsWith('/webhooks') ? 'POST' : 'GET';
    isError(t, path, 400, parse(await exchange(`${method} ${path} HTTP/1.1\r\n${close}\r\n`)));
  }
  const long = `GET /admin/api/deliveries/petstore/${'x'.repeat(5_000)} HTTP/1.1\r\n${close}\r\n`;
  const given = parse(await exchange(long));
  t.ok(given.status >= 400 && given.status < 500, 'a path that is too long');
  isError(t, 'a path that is too long', given.status, given);
});

void t.test('requests that are no HTTP', async (t) => {
  const post = `POST /webhooks/petstore HTTP/1.1\r\n${close}`;
  const requests: Record<string, string> = {
    'no HTTP at all': 'hello\r\n\r\n',
    TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'an unknown method': `BREW /webhooks/petstore HTTP/1.1\r\n${close}\r\n`,
    'two lengths': `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
    'a length and chunks': `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'a length that is no number': `${post}Content-Length: two\r\n\r\n{}`,
    'a negative length': `${post}Content-Length: -1\r\n\r\n`,
    'a chunk that is no number': `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    'a header without a colon': `${post}Nonsense\r\n\r\n`,
    'a control character in a header': `${post}X-A: a\0b\r\n\r\n`,
  };
  for (const [name, text] of Object.entries(requests)) isError(t, name, 400, parse(await exchange(text)));
});

void t.test('headers that are too large', async (t) => {
  const text = `POST /webhooks/petstore HTTP/1.1\r\n${close}X-A: ${'x'.repeat(100_000)}\r\n\r\n`;
  isError(t, 'one of 100 kB', 431, parse(await exchange(text)));
});

void t.test('bodies that are too large', async (t) => {
  const over = 'x'.repeat(64 * 1024 + 1);
  const post = `POST /webhooks/petstore HTTP/1.1\r\n${close}`;
  isError(t, 'announced', 413, parse(await exchange(`${post}Content-Length: ${over.length}\r\n\r\n${over}`)));
  const chunk = `${over.length.toString(16)}\r\n${over}\r\n0\r\n\r\n`;
  isError(t, 'in chunks', 413, parse(await exchange(`${post}Transfer-Encoding: chunked\r\n\r\n${chunk}`)));
  isError(t, 'announced only', 413, parse(await exchange(`${post}Content-Length: 999999999999\r\n\r\n`)));
});

void t.test('who goes on sending reads why it was refused, and may send again', async (t) => {
  const { hostname, port } = new URL(address);
  const socket = net.connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  let answers = '';
  socket.setEncoding('utf8').on('data', (part: string) => (answers += part));
  const refused = () => answers.split('HTTP/1.1 413 ').length - 1;
  for (let turn = 1; turn <= 3; turn += 1) {
    socket.write('POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
    await until('an answer', () => refused() === turn);
    socket.write(Buffer.alloc(1_000_000));
  }
  t.equal(refused(), 3, 'on one connection');
});

void t.test('who never ends is cut off', { timeout: 60_000 }, async (t) => {
  const { hostname, port } = new URL(address);
  const socket = net.connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  let answer = '';
  socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
  const gone = new Promise<void>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve());
  });
  socket.write(`POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n`);
  const more = setInterval(() => socket.write('x'.repeat(1_000)), 50);
  await gone;
  clearInterval(more);
  t.equal(parse(answer).status, 413);
});

void t.test('refusals', async (t) => {
  const { path, headers, body } = await sender.request({ topic: 'x', data: {} }, { tamper: 'signature' });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `POST ${path} HTTP/1.1\r\n${close}${lines.join('')}Content-Length: ${body.length}\r\n\r\n${body.toString()}`;
  isError(t, 'forged', 401, parse(await exchange(request)));
});

void t.test('the dashboard’s own errors', async (t) => {
  const paths = [
    '/api/queues/nobody/1',
    '/api/queues/petstore/unknown',
    '/api/nothing',
    '/static/nothing.js',
  ];
  for (const path of paths) {
    const answer = await fetch(`${address}/admin/queues${path}`);
    t.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`);
    t.notMatch(await answer.text(), /\bat .*:\d+:\d+|node_modules|\/work\//, path);
  }
});

void t.test('a connection that is cut in the middle of a body harms nothing', async (t) => {
  const { hostname, port } = new URL(address);
  await new Promise<void>((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(`POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`, () =>
        socket.destroy(),
      );
    });
    socket.on('error', reject).on('close', () => resolve());
  });
  t.equal((await fetch(`${address}/health/live`)).status, 200);
});
