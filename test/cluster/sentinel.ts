/** A primary with replicas, and Sentinels that watch it: real processes on loopback. */
import type { Owner } from '../support/store.js';
import { until } from '../support/deliveries.js';
import { IN_URL, LOGIN, Server } from './server.js';

export interface TestSentinels {
  url: string;
  /** The first is the primary. */
  servers: Server[];
  /** The port of the primary, as the Sentinels say. */
  primary(): Promise<number>;
}

/** Starts a primary with two replicas and three Sentinels; they end with their owner. */
export async function startSentinels(owner: Owner): Promise<TestSentinels> {
  const own = [
    'appendonly yes',
    'repl-diskless-sync-delay 0',
    `masteruser ${LOGIN.username}`,
    `masterauth ${LOGIN.password}`,
  ];
  const first = await Server.open(owner, own);
  const following = [...own, `replicaof 127.0.0.1 ${first.port}`];
  const servers = [first, await Server.open(owner, following), await Server.open(owner, following)];
  await until('the replicas to follow', async () => Number(await first.tell('WAIT', '2', '500')) === 2);
  const watching = [
    `sentinel monitor main 127.0.0.1 ${first.port} 2`,
    `sentinel auth-user main ${LOGIN.username}`,
    `sentinel auth-pass main ${LOGIN.password}`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
    `sentinel sentinel-user ${LOGIN.username}`,
    `sentinel sentinel-pass ${LOGIN.password}`,
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => Server.open(owner, watching, { sentinel: true })));
  await until('the Sentinels to know each other and the replicas', async () => {
    const known = await Promise.all(sentinels.map((sentinel) => sentinel.tell('SENTINEL', 'MASTER', 'main')));
    return known.every((reply) => {
      const fields = reply as string[];
      const of = (name: string) => Number(fields[fields.indexOf(name) + 1]);
      return of('num-other-sentinels') === 2 && of('num-slaves') === 2;
    });
  });
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const login = `sentinelUsername=${LOGIN.username}&sentinelPassword=${encodeURIComponent(LOGIN.password)}`;
  return {
    url: `redis+sentinel://${IN_URL}@${hosts}/main/0?${login}`,
    servers,
    async primary() {
      const reply = await sentinels[0]?.tell('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main');
      return Number((reply as string[])[1]);
    },
  };
}
