/**
 * A Cluster of three nodes, receivers that are started with other numbers of shards while the earlier ones go on, a
 * node that is killed and replaced, and deliveries all the time: each id several times, at once and later, through all
 * receivers. SHARDS_ROUNDS=20 does that for some minutes.
 */
import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import type { SignedRequest } from '../../senders/sender.js';
import { startCluster, type TestCluster } from '../cluster/cluster.js';
import { openHandlers, timesHandled } from '../cluster/support.js';
import { until } from '../support/deliveries.js';
import { allTaken, openLoad, tally, type Load } from '../support/load.js';
import { startHookline, type HooklineProcess } from '../support/process.js';
import { jobsById } from './support.js';
import { noRedis } from '../support/redis-program.js';

const ROUNDS = Number(process.env['SHARDS_ROUNDS'] ?? 1);
/** A third of them new. */
const PER_SECOND = ROUNDS > 1 ? 150 : 60;
/** New events for which each stage lasts at least. */
const STAGE = ROUNDS > 1 ? 60 : 15;
/** Of each of these is waited for. */
const SOME = 10;

t.setTimeout(120_000 + ROUNDS * 60_000);

const sender = createPetstoreSender({ secret: 'a-test-secret' });

/** Everything that was sent, whichever receivers it went to. */
class Traffic {
  readonly ids: string[] = [];
  readonly loads: Load[] = [];
  readonly #t: Test;
  readonly #sent: SignedRequest[] = [];
  readonly #next: SignedRequest[] = [];

  constructor(t: Test) {
    this.#t = t;
  }

  /** Sends to these until the function it returns is called: new ones, the same again at once, and earlier ones. */
  to(receivers: HooklineProcess[]): { load: Load; stop: () => Promise<void> } {
    const addresses = receivers.map(({ address }) => address);
    const load = openLoad(this.#t, { addresses, connections: 6 * addresses.length });
    this.loads.push(load);
    return { load, stop: load.sendSteadily(() => this.#make(), PER_SECOND) };
  }

  async #make(): Promise<SignedRequest> {
    const again = this.#next.shift();
    if (again) return again;
    const request = await sender.request({ topic: 'any', data: {} });
    const earlier = this.#sent[Math.floor(Math.random() * this.#sent.length)];
    this.#sent.push(request);
    this.ids.push(request.id);
    this.#next.push(request, earlier ?? request);
    return request;
  }

  /** Resolves when so many new ones have been sent. */
  more(count = STAGE): Promise<void> {
    const before = this.ids.length;
    return until(`${count} more`, () => this.ids.length >= before + count, 60_000);
  }
}

async function isDrained(address: string): Promise<boolean> {
  const { spool } = (await (await fetch(`${address}/health/ready`)).json()) as { spool: { events: number } };
  return spool.events === 0;
}

async function jobsOn(cluster: TestCluster): Promise<Array<Map<string, number>>> {
  const keys = await Promise.all(cluster.nodes.map((node) => node.tell('KEYS', '*')));
  return keys.map((some) => jobsById(some as string[]));
}

void t.test('receivers of several numbers of shards', { skip: noRedis }, async (t) => {
  if (!existsSync('dist/server.js')) throw new Error('run `npm run build` first');
  const cluster = await startCluster(t);
  const { folder, ledger } = await openHandlers(t, ['any']);
  const environment = {
    ...sender.environment,
    QUEUE_PREFIX: 'shop',
    HANDLERS_DIR: folder,
    ACCEPT_TIMEOUT: '1s',
    SHUTDOWN_TIMEOUT: '5s',
  };
  const start = (more: Record<string, string>) =>
    startHookline(t, { ...environment, ...more, REDIS_URL: cluster.url });
  const receiver = (shards: number) => start({ ROLE: 'receiver', QUEUE_SHARDS: String(shards) });
  // It is not told of the number.
  const [, one] = await Promise.all([start({ ROLE: 'worker' }), receiver(1)]);
  const traffic = new Traffic(t);
  let running: HooklineProcess[] = [one];

  for (let round = 1; round <= ROUNDS; round += 1) {
    const first = traffic.to(running);
    await traffic.more();
    const sixes = await Promise.all([receiver(6), receiver(6), receiver(6)]);
    const second = traffic.to(sixes);
    await traffic.more();

    const victim = cluster.nodes[round % 3];
    await victim?.kill();
    await until(
      'deliveries to be spooled',
      () => (tally(second.load.answers)['spooled'] ?? 0) > SOME,
      60_000,
    );
    await victim?.replace();
    const count = () => tally(second.load.answers)['accepted'] ?? 0;
    const before = count();
    await until('deliveries to be accepted again', () => count() > before + SOME, 60_000);

    const three = await receiver(3);
    const third = traffic.to([three]);
    await traffic.more();
    await Promise.all([first, second, third].map(({ stop }) => stop()));
    if (round === ROUNDS) break;
    const old = [...running, ...sixes];
    // What one has on its disk is drained by its next start, which there is not here.
    for (const { address } of old) await until('its spool to be empty', () => isDrained(address), 60_000);
    for (const { child } of old) child.kill('SIGTERM');
    await Promise.all(old.map(({ exited }) => exited));
    // The next round begins with a change from 3 to 1.
    running = [three, await receiver(1)];
  }

  const answers = traffic.loads.flatMap(({ answers }) => [...answers.values()].flat());
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  t.comment(JSON.stringify({ ids: traffic.ids.length, answers: counts }));
  allTaken(t, ...traffic.loads);
  // Not fewer than these while a node was away: then most are spooled, and duplicates are found when they are queued.
  t.ok((counts['duplicate'] ?? 0) > SOME, 'there were duplicates');

  const lost = () => timesHandled(ledger, traffic.ids).filter((times) => times === 0).length;
  await until('all to be handled', () => lost() === 0, 60_000);
  const jobs = await jobsOn(cluster);
  t.comment(JSON.stringify({ jobsOnNodes: jobs.map(({ size }) => size) }));
  t.ok(
    jobs.every(({ size }) => size > 0),
    'there are jobs on all nodes',
  );
  const all = jobs.flatMap((some) => [...some]);
  t.equal(all.length, traffic.ids.length, 'there are as many jobs as ids');
  t.same(
    all.filter(([, count]) => count !== 1),
    [],
    'and no two of one id',
  );
  t.same(new Set(all.map(([id]) => id)), new Set(traffic.ids));
});
