/** Ports, and a way to a Redis that can be blocked. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/**
 * A port of 127.0.0.1 on which nothing listens. Below the range from which the system takes ports for outgoing
 * connections, so that it stays free while a process is restarted on it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Does anything listen on a port of 127.0.0.1? */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** What a Redis or a network that is gone looks like. */
export interface Relay {
  url: string;
  open(): Promise<void>;
  /** Connections are cut, and new ones refused. */
  shut(): Promise<void>;
  /** Connections stay and new ones are taken, but nothing passes any more: for good. */
  freeze(): Promise<void>;
}

/** A relay to the Redis at `target`, shut at first; it ends with the test. */
export async function makeRelay(t: Test, target: string): Promise<Relay> {
  const { hostname, port: targetPort } = new URL(target);
  const port = await freePort();
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  const sockets = new Set<Socket>();
  let frozen = false;

  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (!frozen) to.write(chunk);
    });
    // 'close' follows.
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connect(Number(targetPort || 6_379), hostname);
    join(near, far);
    join(far, near);
  });
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  t.teardown(shut);
  return {
    url: url.href,
    async open() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    shut,
    async freeze() {
      frozen = true;
    },
  };
}
