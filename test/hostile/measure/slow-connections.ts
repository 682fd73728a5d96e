/**
 * 500 connections that dribble their headers, then 500 that dribble a body, against a receiver with authentic
 * traffic: that goes on, and each of the slow ones is cut within the limits. Controls before, between and after.
 *
 *   npm run build && npx tsx test/hostile/measure/slow-connections.ts
 */
import net from 'node:net';
import os from 'node:os';
import { createPetstoreSender } from '../../../senders/petstore.js';
import { Script } from '../../support/owner.js';
import { openOwnStore } from '../../support/store.js';
import { startWatched } from '../../support/watched.js';
import { percentile } from '../support.js';
import { send, show, showRatio, together } from './traffic.js';

const SLOW = 500;
const EVERY = 1_000;
const MB = 1024 ** 2;
/** Milliseconds: the limits of fastify-options.ts, and how often Node.js looks. */
const LIMITS = { headers: 10_000 + 2_000, body: 30_000 + 2_000 };
const SLACK = 3_000;

interface Slow {
  /** Milliseconds until it was cut. */
  held: number[];
  statuses: Record<string, number>;
}

await Script.run(async (script) => {
  const petstore = createPetstoreSender({ secret: 'a-secret-for-measuring' });
  const receiver = await startWatched(script, {
    ...petstore.environment,
    REDIS_URL: await openOwnStore(script),
    ROLE: 'receiver',
  });
  const { address } = receiver;
  const next = () => petstore.request({ topic: 'pet.adopted', data: { pet: 1 } });
  const steady = { address, from: '127.0.0.2', rate: 100, next };
  const seconds = (count: number) => send({ ...steady, until: count * steady.rate });
  const head = `POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\n`;

  await seconds(2);
  const before = await seconds(10);
  const memory = [await receiver.memory()];
  const [headers, duringHeaders] = await besides(dribble(address, `${head}X-Slow: `), steady);
  memory.push(await receiver.memory());
  const between = await seconds(10);
  const [bodies, duringBodies] = await besides(
    dribble(address, `${head}Content-Length: 100000\r\n\r\n{`),
    steady,
  );
  memory.push(await receiver.memory());
  const after = await seconds(10);

  const control = together([before, between, after]);
  show('control: no slow connections', control);
  show(`${SLOW} connections with slow headers`, duringHeaders);
  showRatio('with slow headers', duringHeaders, control);
  show(`${SLOW} connections with slow bodies`, duringBodies);
  showRatio('with slow bodies', duringBodies, control);
  for (const [name, { held, statuses }] of [['headers', headers] as const, ['bodies', bodies] as const]) {
    const [least, most] = [0, 1].map((p) => (percentile(held, p) / 1_000).toFixed(1));
    console.log(
      `slow ${name}: ${held.length} cut after ${least} to ${most} s, answered ${JSON.stringify(statuses)}`,
    );
  }
  console.log(`memory of the receiver (MB): ${memory.map((bytes) => Math.round(bytes / MB)).join(', ')}`);
  console.log(
    `load of the machine: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  );
  return (
    Math.max(...headers.held) < LIMITS.headers + SLACK &&
    Math.max(...bodies.held) < LIMITS.body + SLACK &&
    [duringHeaders, duringBodies].every(({ sent, statuses }) => statuses['200'] === sent)
  );
});

/** Authentic traffic for as long as something else takes. */
async function besides(slow: Promise<Slow>, steady: Omit<Parameters<typeof send>[0], 'until'>) {
  const done = new AbortController();
  const outcome = send({ ...steady, until: done.signal });
  const result = await slow;
  done.abort();
  return [result, await outcome] as const;
}

/** Connections that send one byte a second until they are cut. */
async function dribble(address: string, head: string): Promise<Slow> {
  const slow: Slow = { held: [], statuses: {} };
  const one = () =>
    new Promise<void>((resolve) => {
      const socket = net.connect({
        port: Number(new URL(address).port),
        host: '127.0.0.1',
        localAddress: '127.0.0.3',
      });
      let since = 0;
      let answer = '';
      const more = setInterval(() => socket.writable && socket.write('x'), EVERY);
      socket.on('connect', () => {
        since = performance.now();
        socket.write(head);
      });
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(more);
        const status = answer.slice(9, 12) || 'none';
        slow.statuses[status] = (slow.statuses[status] ?? 0) + 1;
        slow.held.push(performance.now() - since);
        resolve();
      });
    });
  await Promise.all(Array.from({ length: SLOW }, one));
  return slow;
}
