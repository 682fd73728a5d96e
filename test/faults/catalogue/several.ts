/** Redis on several servers: a primary behind Sentinels, and Clusters. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../cluster/cluster.js';
import { startSentinels } from '../../cluster/sentinel.js';
import { until } from '../../support/deliveries.js';
import type { Owner } from '../../support/store.js';
import type { Fault, Round } from '../fault.js';

interface Several<Servers> extends Omit<Fault, 'run'> {
  run(servers: Servers, round: Round): Promise<void>;
}

/** A fault of servers that are started with its stage. */
function on<Servers extends { url: string }>(
  start: (owner: Owner) => Promise<Servers>,
  { stage, run, ...rest }: Several<Servers>,
): Fault {
  let servers: Servers | undefined;
  const several = async (owner: Owner) => {
    servers = await start(owner);
    return servers.url;
  };
  return { ...rest, stage: { ...stage, several }, run: (round) => run(servers as Servers, round) };
}

/** An attempt whose end was not replicated is made again. */
const AGAIN = { repeated: true };
const receiver = { ACCEPT_TIMEOUT: '1s' };

export const severalFaults: Fault[] = [
  on(startSentinels, {
    name: 'Sentinel failover',
    stage: { receiver: { ...receiver, DURABILITY: 'replica' } },
    excuses: AGAIN,
    async run({ servers, primary }, { random }) {
      await sleep(random.between(300, 800));
      const before = await primary();
      const server = servers.find(({ port }) => port === before);
      await server?.kill();
      await until('another primary', async () => (await primary()) !== before, 60_000);
      await server?.start();
      // A server that changes its part closes its connections.
      const following = async () => {
        const port = await primary();
        const now = servers.find((one) => one.port === port);
        return Number(await now?.tell('WAIT', '2', '500').catch(() => 0)) === 2;
      };
      await until('the others to follow', following, 60_000);
    },
  }),
  on(startCluster, {
    name: 'Cluster node lost',
    stage: { receiver },
    async run({ homeOf }, { random }) {
      await sleep(random.between(300, 800));
      const home = await homeOf('{shop}');
      await home.kill();
      await sleep(random.between(500, 3_000));
      await home.start();
    },
  }),
  on(startCluster, {
    name: 'Cluster node lost, a source over six queues',
    stage: {
      unordered: true,
      receivers: 2,
      receiver: { ...receiver, QUEUE_SHARDS: '6' },
      worker: { QUEUE_SHARDS: '6' },
    },
    excuses: { unordered: true },
    async run({ nodes }, { random }) {
      await sleep(random.between(300, 800));
      const node = nodes[random.between(0, nodes.length - 1)];
      await node?.kill();
      await sleep(random.between(500, 3_000));
      await node?.start();
    },
  }),
  on(startCluster, {
    name: 'slot moved',
    stage: { receiver },
    async run({ homeOf, nodes, move }, { random }) {
      await sleep(random.between(300, 800));
      const home = await homeOf('{shop}');
      const others = nodes.filter((node) => node !== home);
      await move('{shop}', others[random.between(0, others.length - 1)] ?? home);
    },
  }),
];
