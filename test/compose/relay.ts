import { once } from 'node:events';
import { connect, createServer, isIP, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
  /** `http://<host>:<port>` */
  origin: string;
  close(): Promise<void>;
}

/**
 * Lets containers reach a server that listens on this machine's loopback: takes connections on an address of
 * a Docker network, which other machines do not reach, and hands them on.
 * @throws when the address is not one of this machine's
 */
export async function startRelay(host: string, target: URL): Promise<Relay> {
  // An empty address would mean all of them.
  if (!isIP(host)) throw new Error(`${JSON.stringify(host)} is not an address to listen on.`);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setTimeout(30_000, () => socket.destroy());
    return socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((incoming) => {
    const outgoing = keep(connect(Number(target.port), target.hostname));
    keep(incoming).pipe(outgoing).pipe(incoming);
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    origin: `http://${host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
