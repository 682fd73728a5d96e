import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { post, type SignedRequest } from '../../senders/sender.js';

const request: SignedRequest = {
  path: '/webhooks/petstore',
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'X-Petstore-Signature': 'sha256=00' },
  body: Buffer.from('{"name":"Zoë"}'),
  id: 'evt_1',
  topic: 'pet.adopted',
};

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    const closed = once(server.close(), 'close');
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

void t.test('sends what was signed and returns the whole answer', async (t) => {
  const seen: { incoming: IncomingMessage; body: Buffer }[] = [];
  const origin = await serve(t, (incoming, response) => {
    const answer = async (): Promise<void> => {
      seen.push({ incoming, body: await buffer(incoming) });
      response.writeHead(503, { 'Retry-After': '5' }).end('{"message":"später"}');
    };
    answer().catch((error: Error) => response.destroy(error));
  });
  const answer = await post(`${origin}/`, request, { timeoutMs: 10_000 });
  t.match(answer, { status: 503, headers: { 'retry-after': '5' }, body: '{"message":"später"}' });
  t.ok(answer.milliseconds > 0);
  t.equal(seen.length, 1);
  t.equal(seen[0]?.incoming.method, 'POST');
  t.equal(seen[0]?.incoming.url, '/webhooks/petstore');
  t.match(seen[0]?.incoming.headers, { 'x-petstore-signature': 'sha256=00', 'content-length': '15' });
  t.same(seen[0]?.body, request.body);
});

void t.test('keeps the path of the base URL and uses the agent it is given', async (t) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  const origin = await serve(t, (incoming, response) => {
    ports.add(incoming.socket.remotePort);
    incoming.resume().on('end', () => response.end(incoming.url));
  });
  for (const _ of [1, 2]) {
    const { body } = await post(`${origin}/behind/proxy`, request, { timeoutMs: 10_000, agent });
    t.equal(body, '/behind/proxy/webhooks/petstore');
  }
  t.equal(ports.size, 1, 'one connection for both');
});

void t.test('follows no redirect', async (t) => {
  let asked = 0;
  const origin = await serve(t, (incoming, response) => {
    asked++;
    incoming.resume().on('end', () => response.writeHead(307, { Location: '/elsewhere' }).end());
  });
  const { status, headers } = await post(origin, request, { timeoutMs: 10_000 });
  t.equal(status, 307);
  t.equal(headers.location, '/elsewhere');
  t.equal(asked, 1);
});

void t.test('gives up', async (t) => {
  await t.test('when nothing is answered', async (t) => {
    const origin = await serve(t, (incoming) => void incoming.resume());
    await t.rejects(post(origin, request, { timeoutMs: 50 }), {
      message: `No complete answer from ${origin} within 50 ms.`,
    });
  });
  await t.test('when the answer does not end', async (t) => {
    const origin = await serve(t, (incoming, response) => {
      incoming.resume();
      response.writeHead(200).write('begun');
    });
    await t.rejects(post(origin, request, { timeoutMs: 200 }), { message: /^No complete answer/ });
  });
  await t.test('when the answer is cut short', async (t) => {
    const origin = await serve(t, (incoming, response) => {
      incoming.resume();
      response.writeHead(200, { 'Content-Length': '100' }).write('begun', () => response.destroy());
    });
    await t.rejects(post(origin, request, { timeoutMs: 10_000 }), { code: 'ECONNRESET' });
  });
  await t.test('when the answer is too large', async (t) => {
    const origin = await serve(t, (incoming, response) => {
      incoming.resume();
      response.end(Buffer.alloc(1024 * 1024 + 1));
    });
    await t.rejects(post(origin, request, { timeoutMs: 10_000 }), {
      message: 'The answer is larger than 1048576 bytes.',
    });
  });
  await t.test('when nobody listens', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await once(server.close(), 'close');
    await t.rejects(post(`http://127.0.0.1:${port}`, request, { timeoutMs: 10_000 }), {
      code: 'ECONNREFUSED',
    });
  });
  await t.test('on another protocol', async (t) => {
    await t.rejects(post('ftp://127.0.0.1', request, { timeoutMs: 10_000 }), TypeError);
  });
});
