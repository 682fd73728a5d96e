import type { Cluster } from 'ioredis';

/** What ioredis 6.0.0 has and does not declare: `cluster/index.js`. */
interface Refreshing {
  clearNodesRefreshInterval(): void;
}

/** Its status can go from `end` back to `close`, when nodes leave one after the other. */
const CLOSED: ReadonlySet<string> = new Set(['disconnecting', 'close', 'end']);

/**
 * Makes a connection to a Cluster, and those that BullMQ duplicates from it, end when they are closed. ioredis asks now
 * and then where the slots are; closed while it asks, it goes on with that for ever, and the process does not end.
 */
export function endWhenClosed(cluster: Cluster): Cluster {
  const refresh = cluster.refreshSlotsCache.bind(cluster);
  const duplicate = cluster.duplicate.bind(cluster);

  cluster.refreshSlotsCache = (callback) => {
    refresh((...answer) => {
      // Commands may wait for this, and it may be what sets the clock for the next time.
      callback?.(...answer);
      // One that is connected again sets its clock again.
      if (CLOSED.has(cluster.status)) (cluster as unknown as Refreshing).clearNodesRefreshInterval();
    });
  };
  cluster.duplicate = (...given) => endWhenClosed(duplicate(...given));
  return cluster;
}
