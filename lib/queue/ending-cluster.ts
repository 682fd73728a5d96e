import type { Cluster } from 'ioredis';

/**
 * Makes a connection to a Cluster, and those that BullMQ duplicates from it, end when they are closed. ioredis 6.0.0 asks
 * now and then where the slots are; closed while it asks, it goes on with that for ever, and the process does not end
 * (`resetNodesRefreshInterval` in its `cluster/index.js`).
 */
export function endWhenClosed(cluster: Cluster): Cluster {
  const refresh = cluster.refreshSlotsCache.bind(cluster);
  const duplicate = cluster.duplicate.bind(cluster);
  // Once ended, its status can go back to `close`, when nodes leave one after the other; and it can be connected again.
  let ended = false;
  cluster.on('end', () => (ended = true)).on('connecting', () => (ended = false));
  const isOver = () =>
    cluster.status === 'disconnecting' || cluster.status === 'end' || (ended && cluster.status === 'close');

  // Being called back is what it takes to ask again.
  cluster.refreshSlotsCache = (callback) => {
    if (isOver()) return;
    refresh((...answer) => {
      if (!isOver()) callback?.(...answer);
    });
  };
  cluster.duplicate = (...given) => endWhenClosed(duplicate(...given));
  return cluster;
}
