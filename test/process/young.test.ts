/** A burst of connections must not teach V8 to keep what each later request makes (`lib/young.ts`). */
import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder } from './handlers.js';
import { environmentOf } from './support.js';

const CONNECTIONS = 900;
const REQUESTS = 8_000;
/** It is 4 kB or more when requests are kept, and 0.2 kB when they are not. */
const MOST_KEPT = 1_500;

void t.test('after a burst of connections a request leaves nothing among the old', async (t) => {
  const store = await openStore(t);
  const environment = environmentOf(store, await handlersFolder(t, {}));
  const { address } = await startHookline(t, { ...environment, ROLE: 'receiver' });
  const port = Number(new URL(address).port);

  const burst = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)));
  t.teardown(() => burst.forEach((socket) => socket.destroy()));
  const users = burst.slice(0, 32);
  await ask(users, 2_000);
  const before = await oldBytes(address);
  await ask(users, REQUESTS);
  const kept = ((await oldBytes(address)) - before) / REQUESTS;
  t.ok(kept < MOST_KEPT, `${Math.round(kept)} B of each request are kept`);
});

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket.setNoDelay(true);
}

/** Sends so many requests over these connections, one at a time on each. */
async function ask(sockets: net.Socket[], requests: number): Promise<void> {
  let left = requests;
  const drive = async (socket: net.Socket) => {
    while (left-- > 0) {
      socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const [data] = (await once(socket, 'data')) as [Buffer];
      if (!data.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(data.toString());
    }
  };
  await Promise.all(sockets.map(drive));
}

/** What is among the old of the process' heap. */
async function oldBytes(address: string): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text();
  return Number(/^nodejs_heap_space_size_used_bytes\{[^}]*space="old"[^}]*\} (\S+)$/m.exec(metrics)?.[1]);
}
