import net from 'node:net';

/**
 * `up`: it takes the password and answers PING. `loading`: it takes the password and is not ready yet.
 * `silent`: something is there that does not answer in time, or takes no more clients. `gone`: nothing is there, or not
 * our store.
 */
export type StoreState = 'up' | 'loading' | 'silent' | 'gone';

/** Looks at the store behind `url` (`redis://:<password>@127.0.0.1:<port>`), within `timeoutMs` milliseconds. */
export async function probe(url: string, timeoutMs = 1_000): Promise<StoreState> {
  try {
    const replies = await converse(url, 'PING', timeoutMs);
    if (replies.startsWith('-ERR max number of clients')) return 'silent';
    // A Redis without a password answers AUTH with an error: it is somebody else's.
    if (!replies.startsWith('+OK')) return 'gone';
    return replies.includes('+PONG') ? 'up' : 'loading';
  } catch (error) {
    // One that has no room for more clients may have closed before it read what we wrote: then its words are lost.
    const reset = /^(?:ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? '');
    return reset || error instanceof NoAnswerError ? 'silent' : 'gone';
  }
}

/** Nothing came in time. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
}

/**
 * Sends one command on a connection of its own, after AUTH when `url` holds a password.
 * It is plain text over TCP (the protocol's inline commands): a client library would retry and reconnect.
 * @returns the replies as they came, AUTH's first
 * @throws {NoAnswerError} after `timeoutMs` milliseconds; the socket's error otherwise
 */
export function converse(url: string, command: string, timeoutMs = 1_000): Promise<string> {
  const { hostname, port, password } = new URL(url);
  const lines = [...(password ? [`AUTH ${password}`] : []), command, 'QUIT', ''];
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port) });
    const timer = setTimeout(() => socket.destroy(new NoAnswerError('no answer')), timeoutMs);
    let replies = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      replies += text;
      if (replies.length > 100_000) socket.destroy(new Error('not a Redis'));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(replies);
    });
    socket.write(lines.join('\r\n'));
  });
}
