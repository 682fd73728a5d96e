/** What the tests of hostile input share: sockets that say exactly what they are told, from any loopback address. */
import { once } from 'node:events';
import net from 'node:net';
import type { Test } from 'tap';
import type { SignedRequest } from '../../senders/sender.js';

export interface RawSocket {
  socket: net.Socket;
  /** All that came so far. */
  received: () => string;
  /** Resolves when the other side has closed. */
  closed: Promise<void>;
}

/** Connects, and closes with the test. `from` is an address of this machine, such as `127.0.0.2`. */
export async function connect(t: Test, address: string, from = '127.0.0.1'): Promise<RawSocket> {
  const { hostname, port } = new URL(address);
  const socket = net.connect({ port: Number(port), host: hostname, localAddress: from });
  t.teardown(() => socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {});
    socket.once('end', () => socket.end());
    socket.once('close', () => resolve());
  });
  await once(socket, 'connect');
  return { socket, received: () => text, closed };
}

/** A signed request as the bytes on the wire. */
export function wire({ path, headers, body }: SignedRequest, more: Record<string, string> = {}): Buffer {
  const all = { Host: 'localhost', 'Content-Length': String(body.length), ...headers, ...more };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), body]);
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The answers in what was received, those with a Content-Length. */
export function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(':', 1)[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ) as Record<string, string>;
    const length = Number(headers['content-length'] ?? 0);
    if (end < 0) break;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    answers.push({ status, headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

/** Sends bytes on a connection of their own and reads until the other side closes. */
export async function exchange(
  t: Test,
  address: string,
  bytes: string | Buffer,
  from?: string,
): Promise<RawAnswer[]> {
  const { socket, received, closed } = await connect(t, address, from);
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await closed;
  return answersIn(received());
}

/** `p` of the numbers: 0.99 for the 99th percentile. */
export function percentile(numbers: readonly number[], p: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
}
