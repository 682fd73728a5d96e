/**
 * A load generator that is not itself the limit: prebuilt requests over plain sockets, one at a time on each
 * connection, and an answer read just far enough to know its status and its end.
 */
import net from 'node:net';
import { percentile } from './stats.js';

export interface LoadOptions {
  port: number;
  connections: number;
  /** Milliseconds. */
  duration: number;
  /** Makes the next request, head and body. */
  next: () => Buffer;
  /** Requests a second over all connections; as many as go when left out. */
  rate?: number;
}

export interface LoadResult {
  /** Answers a second. */
  rate: number;
  answers: number;
  statuses: Record<string, number>;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** @throws when a connection breaks: a figure with holes is no figure */
export async function load({ port, connections, duration, next, rate }: LoadOptions): Promise<LoadResult> {
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  const started = performance.now();
  const end = started + duration;
  let due = 0;

  const drive = (socket: net.Socket) =>
    new Promise<void>((resolve, reject) => {
      let sent = 0;
      let rest = '';
      const send = () => {
        const now = performance.now();
        if (now >= end) return resolve();
        if (rate === undefined) return write(now);
        const at = started + (due++ * 1_000) / rate;
        if (at >= end) return resolve();
        // Where no connection was free, latency counts from when the request was due: a server that stalls is not
        // spared the wait. A timer that comes late is our own fault.
        if (at <= now) return write(at);
        setTimeout(() => write(performance.now()), at - now);
      };
      const write = (at: number) => {
        sent = at;
        socket.write(next());
      };
      socket.on('data', (data) => {
        rest += data.toString('latin1');
        const head = rest.indexOf('\r\n\r\n');
        if (head === -1) return;
        const length = Number(/content-length: (\d+)/i.exec(rest.slice(0, head))?.[1] ?? 0);
        if (rest.length < head + 4 + length) return;
        const status = rest.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        rest = rest.slice(head + 4 + length);
        latencies.push(performance.now() - sent);
        send();
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the server closed a connection under load')));
      send();
    });

  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(port)));
  await Promise.all(sockets.map(drive));
  const seconds = (performance.now() - started) / 1_000;
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  const sorted = Float64Array.from(latencies).sort();
  return {
    rate: latencies.length / seconds,
    answers: latencies.length,
    statuses,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
  };
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.once('error', reject).once('connect', () => resolve(socket.removeAllListeners('error')));
  });
}
