import { withDeadline } from '../lib/deadline.js';
import { silentLog } from '../lib/log.js';
import { primariesOf, producerConnection } from '../lib/queue/connection.js';

/** Milliseconds for one command. */
const LIMIT = 10_000;

/** Removes every key that begins with a demo's own prefix, so that a real Redis is left as it was. */
export async function forget(redisUrl: string, prefix: string): Promise<void> {
  const redis = producerConnection(redisUrl, LIMIT, silentLog);
  try {
    await withDeadline(new Promise<void>((resolve) => redis.once('ready', () => resolve())), LIMIT);
    for (const node of primariesOf(redis)) {
      for await (const keys of node.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<
        string[]
      >) {
        await Promise.all(keys.map((key) => node.unlink(key)));
      }
    }
  } finally {
    redis.disconnect();
  }
}
