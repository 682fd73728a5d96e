/**
 * What a request or an event makes must be gone with the next collection of young garbage. What comes among the old stays until
 * the next full one, which costs more than all the rest: docs/decisions/0017-accept-path-cpu.md.
 */
import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { until } from '../support/deliveries.js';
import { openLoad } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder } from './handlers.js';
import { delivery, environmentOf } from './support.js';

const CONNECTIONS = 900;
const REQUESTS = 8_000;
const EVENTS = 2_000;
const ROUNDS = 8;
/** It is 4 kB or more when requests are kept, 5 kB when events are, and 0.1 to 0.3 kB when they are not. */
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

void t.test('an event that was handled leaves nothing among the old', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, {
    'all.js': `export default { source: 'petstore', topic: '*', async handle() {} };`,
  });
  const environment = { ...environmentOf(store, handlers), WORKER_CONCURRENCY: '50' };
  const { address } = await startHookline(t, { ...environment, ROLE: 'all' });
  const load = openLoad(t, { addresses: [address], connections: 50 });
  const handle = async (events: number) => {
    const handled = (await completed(address)) + events;
    await Promise.all(Array.from({ length: events }, async () => load.send(await delivery())));
    await until('all are handled', async () => (await completed(address)) === handled, 60_000);
  };

  await handle(2 * EVENTS);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await oldBytes(address);
    await handle(EVENTS);
    rounds.push(((await oldBytes(address)) - before) / EVENTS);
  }
  // Less than nothing where there was a full collection. Where the work begins anew, ioredis keeps replies of Redis for a while,
  // also with BullMQ alone.
  const told = rounds.map((kept) => Math.round(kept)).join(', ');
  t.ok(
    rounds.some((kept) => Math.abs(kept) < MOST_KEPT),
    `B of each event that were kept, by rounds: ${told}`,
  );
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
  const bytes = await metric(address, /^nodejs_heap_space_size_used_bytes\{[^}]*space="old"[^}]*\} (\S+)$/m);
  if (bytes === 0) throw new Error('there is no such metric');
  return bytes;
}

/** Events that were handled so far: 0 before the first, when nothing is told of it. */
async function completed(address: string): Promise<number> {
  return metric(address, /^hookline_handler_attempts_total\{[^}]*outcome="completed"[^}]*\} (\S+)$/m);
}

async function metric(address: string, line: RegExp): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text();
  return Number(line.exec(metrics)?.[1] ?? 0);
}
