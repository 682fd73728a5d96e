import type { Writable } from 'node:stream';
import { Cluster, type Redis } from 'ioredis';

/**
 * What a connection is told in one turn of the event loop goes out in one write: the ends of many attempts, say, each of
 * which ioredis would write by itself. Nothing waits longer for it than what is being done.
 */
export function sendTogether(redis: Redis | Cluster): void {
  if (redis instanceof Cluster) redis.on('+node', sendTogether);
  // A new socket at each connect.
  else redis.on('connect', () => corkEachTurn(redis.stream));
}

/** Exported for its test. */
export function corkEachTurn(stream: Writable): void {
  const write = stream.write.bind(stream);
  let corked = false;
  const uncork = () => {
    corked = false;
    stream.uncork();
  };
  const corkAndWrite = (...args: Parameters<typeof write>) => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(uncork);
    }
    return write(...args);
  };
  stream.write = corkAndWrite as typeof stream.write;
}
