/** A sender that dribbles is cut off with 408: connections are not held for nothing. */
import net from 'node:net';
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { lookUp } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const { address } = await startTestService(t, store, { ...sender.environment, SHUTDOWN_TIMEOUT: '100ms' });

/** Writes what is given at once, then a byte every half second, until the server has enough. */
function dribble(head: string, byte: string): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(head));
    const more = setInterval(() => socket.writable && socket.write(byte), 500);
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    socket.on('error', reject).on('close', () => {
      clearInterval(more);
      resolve(answer);
    });
  });
}

function isTimeout(t: Test, answer: string) {
  t.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  t.match(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)), {
    statusCode: 408,
    code: 'HKL_ERR_REQUEST_TIMEOUT',
    error: 'Request Timeout',
    message: String,
  });
}

void t.test('slow bodies and slow headers', { timeout: 100_000 }, async (t) => {
  const { headers, body, id } = await sender.request({ topic: 'pet.adopted', data: {} });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const post = `POST /webhooks/petstore HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}`;
  const [slowBody, slowHeaders] = await Promise.all([
    dribble(`${post}Content-Length: ${body.length + 1_000}\r\n\r\n${body.toString()}`, ' '),
    dribble(`${post}X-Slow: `, 'x'),
  ]);
  await t.test('a body', async (t) => isTimeout(t, slowBody));
  await t.test('headers', async (t) => isTimeout(t, slowHeaders));
  t.equal(await lookUp(address, 'petstore', id), undefined, 'nothing is stored');
});
