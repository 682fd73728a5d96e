/**
 * Three times as many deliveries as can be taken: npm run build && npx tsx test/faults/overload.ts [--seconds 60] [--set NAME=value]…
 * Measures what the receiver can do first, then sends three times that, whatever comes back, and looks how it fares.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { load } from '../../bench/load.js';
import { pitchpointTraffic } from '../../bench/requests.js';
import { percentile } from '../../bench/stats.js';
import { freePort } from '../process/relay.js';
import { startHookline } from '../support/process.js';
import { DurableRedis } from './redis.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    times: { type: 'string', default: '3' },
    set: { type: 'string', multiple: true },
  },
});
/** Connections at capacity, and in overload, where they come from so many addresses: a provider opens more when answers are late. */
const [AT_CAPACITY, IN_OVERLOAD, ADDRESSES] = [200, 2_700, 3];
const MEASURING = 10_000;
const TICK = 2;

const closers: Array<() => unknown> = [];
try {
  const owner = { teardown: (close: () => unknown) => void closers.push(close) };
  const redis = await DurableRedis.open(owner);
  const traffic = await pitchpointTraffic(1_000);
  owner.teardown(() => traffic.close());
  const port = await freePort();
  const { child, address } = await startHookline(owner, {
    ...traffic.environment,
    ROLE: 'receiver',
    PORT: String(port),
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    LOG_LEVEL: 'info',
    ...Object.fromEntries((values.set ?? []).map((pair) => pair.split('=') as [string, string])),
  });
  const metric = async (name: string) => {
    const text = await (await fetch(`${address}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  };
  const megabytes = async () => Math.round((await metric('process_resident_memory_bytes')) / 1024 ** 2);

  await load({ port, connections: AT_CAPACITY, duration: 3_000, next: traffic.next });
  const capacity = await load({ port, connections: AT_CAPACITY, duration: MEASURING, next: traffic.next });
  console.log('at capacity', JSON.stringify({ ...capacity, memory: await megabytes() }));

  const rate = capacity.rate * Number(values.times);
  const memory: number[] = [];
  const sampling = setInterval(
    () =>
      void megabytes().then(
        (now) => memory.push(now),
        () => {},
      ),
    5_000,
  );
  const result = await flood(port, rate, Number(values.seconds) * 1_000, traffic.next);
  clearInterval(sampling);
  const ended = performance.now();
  let recovered = Number.NaN;
  while (performance.now() - ended < 30_000) {
    const quiet = await load({ port, connections: 1, duration: 200, next: traffic.next });
    if (Object.keys(quiet.statuses).join() === '200') {
      recovered = Math.round(performance.now() - ended);
      break;
    }
  }
  const ratio = Math.round((result.accepted.p99 / capacity.p99) * 100) / 100;
  console.log('overload', JSON.stringify({ asked: rate, ...result, memory, ratio, recovered }, undefined, 2));
  console.log('limit', await metric('hookline_in_flight_limit'), 'exit', child.exitCode);
} finally {
  for (const close of closers.toReversed()) await close();
}

/** Sends at a rate, whatever comes back; what finds no free connection waits for one, and its time runs. */
async function flood(to: number, rate: number, duration: number, next: () => Buffer) {
  const free: net.Socket[] = [];
  const began = new Map<net.Socket, number>();
  const times: Record<string, number[]> = {};
  let withoutRetryAfter = 0;
  for (let count = 0; count < IN_OVERLOAD; count += 1) {
    const socket = net.connect({
      port: to,
      host: '127.0.0.1',
      localAddress: `127.0.0.${1 + (count % ADDRESSES)}`,
    });
    await once(socket, 'connect');
    let rest = '';
    socket.on('data', (data) => {
      rest += data.toString('latin1');
      const head = rest.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0);
      if (head === -1 || rest.length < head + 4 + length) return;
      const status = rest.slice(9, 12);
      if (status === '503' && !/^retry-after: \d/im.test(rest)) withoutRetryAfter += 1;
      rest = '';
      (times[status] ??= []).push(performance.now() - (began.get(socket) ?? 0));
      free.push(socket);
    });
    socket.on('error', () => {});
    free.push(socket);
  }
  const start = performance.now();
  let sent = 0;
  let unsent = 0;
  for (let now = start; now < start + duration; now = performance.now()) {
    const due = ((now - start) * rate) / 1_000;
    for (; sent + unsent < due;) {
      const socket = free.shift();
      // A provider would open another connection, which the receiver would turn away.
      if (!socket) {
        unsent += 1;
        continue;
      }
      sent += 1;
      began.set(socket, performance.now());
      socket.write(next());
    }
    await sleep(TICK);
  }
  await sleep(1_000);
  for (const socket of began.keys()) socket.destroy();
  const describe = (list: number[]) => {
    const sorted = Float64Array.from(list).sort();
    const at = (share: number) => Math.round(percentile(sorted, share) * 10) / 10;
    return {
      count: list.length,
      perSecond: Math.round((list.length / duration) * 1_000),
      p50: at(0.5),
      p99: at(0.99),
    };
  };
  return {
    sent,
    unsent,
    accepted: describe(times['200'] ?? []),
    shed: describe(times['503'] ?? []),
    other: Object.keys(times).filter((status) => status !== '200' && status !== '503'),
    withoutRetryAfter,
  };
}
