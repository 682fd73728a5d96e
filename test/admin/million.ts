/**
 * How long the overview and a filtered page take among 1,000,000 finished jobs, and what that costs whoever delivers:
 * the accept rate with somebody looking and with nobody, in turns. Not part of the suite: it takes some minutes and
 * about 3 GB of memory. Starts a redis-server of its own.
 *
 *   npm run build && npx tsx test/admin/million.ts [jobs]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createPetstoreSender } from '../../senders/petstore.js';
import { addFinished, oneOfMany } from '../deliveries/jobs.js';
import { Script } from '../support/owner.js';
import { openLoad, tally } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openOwnStore } from '../support/store.js';

const JOBS = Number(process.argv[2] ?? 1_000_000);
const CHUNK = 1_000;
const ROUNDS = 5;
const ROUND = 4_000;
const CONNECTIONS = 16;

/** What the pages ask for. */
const PAGES = {
  overview: '/admin/api/overview',
  'a topic of five': '/admin/api/deliveries?topic=order.created',
  'failed of petstore': '/admin/api/deliveries?source=petstore&state=failed',
  'a tenant of a hundred': '/admin/api/deliveries?tenant=OU7',
  'a topic that none has': '/admin/api/deliveries?topic=none',
  'one by its id': `/admin/api/deliveries?id=evt_${JOBS - 1}`,
};

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

await Script.run(async (script) => {
  const url = await openOwnStore(script);
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  script.teardown(() => redis.disconnect());
  const now = Date.now();
  for (let start = 0; start < JOBS; start += CHUNK) {
    const length = Math.min(CHUNK, JOBS - start);
    await addFinished(
      redis,
      'million',
      Array.from({ length }, (_one, index) => oneOfMany(start + index, JOBS, now)),
    );
  }
  console.log(
    `${await redis.zcard('million:petstore:completed')} completed, ${await redis.zcard('million:petstore:failed')} failed`,
  );

  const petstore = createPetstoreSender({ secret: 'a secret of a million' });
  const { address } = await startHookline(script, {
    ...petstore.environment,
    REDIS_URL: url,
    QUEUE_PREFIX: 'million',
    ROLE: 'receiver',
    LOG_LEVEL: 'info',
  });

  const ask = async (path: string) => {
    const started = performance.now();
    const response = await fetch(address + path);
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
    return performance.now() - started;
  };
  for (const [what, path] of Object.entries(PAGES)) {
    const times: number[] = [];
    for (let run = 0; run < 9; run += 1) times.push(await ask(path));
    console.log(`${what}: median ${median(times).toFixed(0)} ms, worst ${Math.max(...times).toFixed(0)} ms`);
  }

  /** Deliveries that were accepted in a second, as many at once as there are connections. */
  const rate = async (): Promise<number> => {
    const load = openLoad(script, { addresses: [address], connections: CONNECTIONS });
    const end = performance.now() + ROUND;
    const started = performance.now();
    const lane = async () => {
      while (performance.now() < end)
        await load.send(await petstore.request({ topic: 'order.created', data: {} }));
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    const { accepted = 0 } = tally(load.answers);
    return (accepted * 1_000) / (performance.now() - started);
  };
  /** Looks as one open page does: the overview every five seconds, here with a filtered page every second beside it. */
  const looked: number[] = [];
  const looking = async (): Promise<number> => {
    const stop = new AbortController();
    const eyes = (async () => {
      for (let turn = 0; !stop.signal.aborted; turn += 1) {
        if (turn % 5 === 0) looked.push(await ask(PAGES.overview));
        looked.push(await ask(PAGES['a topic of five']));
        await sleep(1_000, undefined, { signal: stop.signal }).catch(() => {});
      }
    })();
    const perSecond = await rate();
    stop.abort();
    await eyes;
    return perSecond;
  };
  await rate();
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // In turns, each first every other time.
    const first = round % 2 === 0 ? await rate() : await looking();
    const second = round % 2 === 0 ? await looking() : await rate();
    const [alone, watched] = round % 2 === 0 ? [first, second] : [second, first];
    ratios.push(watched / alone);
    console.log(
      `accepted a second: nobody looks ${alone.toFixed(0)}, somebody looks ${watched.toFixed(0)}, ratio ${(watched / alone).toFixed(3)}`,
    );
  }
  console.log(
    `median ratio ${median(ratios).toFixed(3)}; pages meanwhile: median ${median(looked).toFixed(0)} ms, worst ${Math.max(...looked).toFixed(0)} ms`,
  );
  return true;
});
