/**
 * A long run of the fuzzer against a receiver and its workers in a process of their own, on a Redis of its own.
 * Not part of the suite. Prints what came of it; ends with 1 when something is wrong.
 *
 *   npm run fuzz -- --requests 1000000 [--seconds 600] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { Campaign } from './campaign.js';
import { Script } from '../support/owner.js';
import { openOwnStore } from '../support/store.js';
import { startWatched } from '../support/watched.js';
import { createWorld } from './world.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const seed = Number(values.seed);
const LINES = 24;

await Script.run(async (script) => {
  const world = await createWorld(script, seed);
  const hookline = await startWatched(script, {
    ...world.environment,
    REDIS_URL: await openOwnStore(script),
    ADMIN_USER: 'operator',
    ADMIN_PASSWORD: 'a-password-of-the-operator',
    // Every refusal is to be judged, and none to end a connection.
    REFUSAL_LIMIT: '999999999/1d',
    // So that Redis holds a minute of it and not all.
    DEDUPE_WINDOW: '60s',
    KEEP_FAILED: '60s',
    KEEP_COMPLETED: '60s',
  });
  const end = Date.now() + Number(values.seconds) * 1_000;
  const run = new Campaign({ seed, requests: Number(values.requests), end }, world, hookline);
  const ticker = setInterval(() => void run.sample(), 1_000);
  await Promise.all(Array.from({ length: LINES }, () => run.drive()));
  clearInterval(ticker);
  return run.report();
});
