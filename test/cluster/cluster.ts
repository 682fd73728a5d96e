/** A Redis Cluster of real servers on loopback. */
import { freePort } from '../process/relay.js';
import { until } from '../support/deliveries.js';
import type { Owner } from '../support/store.js';
import type { Certificate } from './certificate.js';
import { IN_URL, LOGIN, Server } from './server.js';

const SLOTS = 16_384;

export interface TestCluster {
  readonly url: string;
  nodes: Server[];
  /** The node that has the slot of this key. */
  homeOf(key: string): Promise<Server>;
  /** Moves the slot of this key to another node, key by key, as `redis-cli --cluster reshard` does. */
  move(key: string, to: Server): Promise<void>;
}

/** Starts so many primaries, the slots shared out evenly; they end with their owner. */
export async function startCluster(owner: Owner, size = 3, tls?: Certificate): Promise<TestCluster> {
  const buses = await Promise.all(Array.from({ length: size }, () => freePort()));
  const nodes = await Promise.all(
    buses.map((bus) =>
      Server.open(
        owner,
        [
          'cluster-enabled yes',
          'cluster-announce-ip 127.0.0.1',
          `cluster-port ${bus}`,
          'cluster-node-timeout 2000',
          'cluster-require-full-coverage no',
          'appendonly yes',
        ],
        tls && { tls },
      ),
    ),
  );
  const ids: string[] = [];
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / size)) as [
      number,
      number,
    ];
    await node.tell('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1));
    await node.tell('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    if (index > 0)
      await nodes[0]?.tell('CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(buses[index]));
    ids.push(String(await node.tell('CLUSTER', 'MYID')));
  }
  await until('the Cluster to be whole', async () => {
    const infos = await Promise.all(nodes.map((node) => node.tell('CLUSTER', 'INFO')));
    return infos.every((info) => /cluster_slots_ok:16384\r\n/.test(String(info)));
  });

  const slotOf = async (key: string) => Number(await nodes.at(-1)?.tell('CLUSTER', 'KEYSLOT', key));
  async function homeOf(key: string): Promise<Server> {
    const slot = await slotOf(key);
    const ranges = (await nodes.at(-1)?.tell('CLUSTER', 'SLOTS')) as Array<
      [number, number, [string, number]]
    >;
    const found = ranges.find(([from, to]) => from <= slot && slot <= to);
    return nodes.find(({ port }) => port === found?.[2][1]) as Server;
  }

  async function move(key: string, to: Server): Promise<void> {
    const slot = String(await slotOf(key));
    const from = await homeOf(key);
    const idOf = (node: Server) => ids[nodes.indexOf(node)] ?? '';
    await to.tell('CLUSTER', 'SETSLOT', slot, 'IMPORTING', idOf(from));
    await from.tell('CLUSTER', 'SETSLOT', slot, 'MIGRATING', idOf(to));
    const login = ['AUTH2', LOGIN.username, LOGIN.password];
    for (;;) {
      const keys = (await from.tell('CLUSTER', 'GETKEYSINSLOT', slot, '10')) as string[];
      if (keys.length === 0) break;
      const target = ['127.0.0.1', String(to.port), '', '0', '5000'];
      await from.tell('MIGRATE', ...target, ...login, 'KEYS', ...keys);
    }
    for (const node of [to, from, ...nodes]) await node.tell('CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to));
  }

  return {
    // Nodes that are replaced have other ports.
    get url() {
      const hosts = nodes.slice(0, 2).map(({ port }) => `127.0.0.1:${port}`);
      return `${tls ? 'rediss' : 'redis'}+cluster://${IN_URL}@${hosts.join(',')}`;
    },
    nodes,
    homeOf,
    move,
  };
}
