import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a sender's own server says to a GET. */
export interface LocalAnswer {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

export interface LocalServer {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** Ends open connections too. May be called twice. */
  close(): Promise<void>;
}

export const notFound: LocalAnswer = { status: 404, type: 'text/plain', body: 'Not found\n' };

/** Only there to read a request's path and query. */
const BASE = 'http://127.0.0.1';

/**
 * The little a provider serves besides its deliveries (keys, certificates, confirmations), on loopback only.
 * @param port 0 for any free one.
 * @throws when the port is taken.
 */
export async function startLocalServer(answer: (url: URL) => LocalAnswer, port = 0): Promise<LocalServer> {
  const timeouts = { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 };
  const server = createServer(timeouts, (request, response) => {
    const { method, url = '/' } = request;
    const readable = method === 'GET' && URL.canParse(url, BASE);
    const { status, type, body, headers } = readable ? answer(new URL(url, BASE)) : notFound;
    response.writeHead(status, { ...headers, 'Content-Type': type }).end(body);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  let closed: Promise<unknown> | undefined;
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      closed ??= once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}
