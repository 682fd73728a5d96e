import type { Server, Socket } from 'node:net';

/**
 * As `maxConnections` does where the process listens by itself. Of several processes on one port Node.js 20 hands a
 * connection on from one that is full to the next, without end while all are.
 */
export function destroyAbove(server: Server, limit: number, destroyed: () => void): void {
  let open = 0;
  server.prependListener('connection', (socket: Socket) => {
    open += 1;
    socket.once('close', () => (open -= 1));
    if (open <= limit) return;
    socket.destroy();
    destroyed();
  });
}
