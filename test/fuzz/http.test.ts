/** The whole HTTP surface under drawn requests: what is genuine is taken, nothing else is, and nothing breaks. */
import * as fc from 'fast-check';
import t from 'tap';
import { startWatched } from '../support/watched.js';
import { openStore } from '../support/store.js';
import { Line } from './exchange.js';
import { judge } from './judge.js';
import { requests } from './requests.js';
import { wireOf } from './requests/drawn.js';
import { draws, seed } from './seed.js';
import { createWorld } from './world.js';

const REQUESTS = 1_500;

void t.test(`drawn requests, FUZZ_SEED=${seed}`, { timeout: 180_000 }, async (t) => {
  const store = await openStore(t);
  const world = await createWorld(t, seed);
  const hookline = await startWatched(t, {
    ...world.environment,
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    ADMIN_USER: 'operator',
    ADMIN_PASSWORD: 'a-password-of-the-operator',
    REFUSAL_LIMIT: '999999999/1d',
    SHUTDOWN_TIMEOUT: '1s',
  });
  const line = new Line(hookline.address);
  t.teardown(() => line.close());
  const kinds: Record<string, number> = {};

  await fc.assert(
    fc.asyncProperty(requests(world), async (drawn) => {
      const replies = drawn.raw ? await line.throwAt(drawn.raw) : [await line.ask(wireOf(drawn))];
      const given = replies.filter((reply) => reply !== undefined);
      const problem = judge(world, drawn, given);
      if (problem) throw new Error(`${drawn.kind}: ${problem}`);
      kinds[drawn.kind] = (kinds[drawn.kind] ?? 0) + 1;
    }),
    draws(REQUESTS),
  );

  t.ok(Object.keys(kinds).length > 15, `of ${Object.keys(kinds).length} kinds: ${JSON.stringify(kinds)}`);
  t.equal((await fetch(`${hookline.address}/health/ready`)).status, 200, 'it is well');
  t.same(hookline.trouble, [], 'no error, no unhandled rejection, and no line that is broken in two');
  t.ok((hookline.levels['30'] ?? 0) > 100, 'but it did log');
});
