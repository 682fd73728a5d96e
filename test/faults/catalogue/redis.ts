/** Redis that dies, freezes, refuses or forgets. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';

export const redisFaults: Fault[] = [
  {
    name: 'redis killed',
    async run({ stage: { redis }, random }) {
      await sleep(random.between(300, 800));
      await redis.kill();
      await sleep(random.between(500, 2_000));
      await redis.start();
    },
  },
  {
    // Longer than anybody in whose hand an event is may be silent.
    name: 'redis killed, back after 20 s',
    async run({ stage: { redis }, random }) {
      await sleep(random.between(300, 800));
      await redis.kill();
      await sleep(20_000);
      await redis.start();
    },
  },
  {
    name: 'redis frozen for 10 s',
    async run({ stage: { redis } }) {
      await sleep(500);
      redis.signal('SIGSTOP');
      await sleep(10_000);
      redis.signal('SIGCONT');
    },
  },
  {
    name: 'redis out of memory',
    async run({ stage: { redis }, random }) {
      await sleep(random.between(300, 800));
      await redis.tell('CONFIG', 'SET', 'maxmemory', '1');
      await sleep(2_000);
      await redis.tell('CONFIG', 'SET', 'maxmemory', '0');
    },
  },
  {
    name: 'redis read-only',
    async run({ stage: { redis }, random }) {
      await sleep(random.between(300, 800));
      await redis.tell('REPLICAOF', '127.0.0.1', '1');
      await sleep(2_000);
      await redis.tell('REPLICAOF', 'NO', 'ONE');
    },
  },
  {
    name: 'SCRIPT FLUSH',
    async run({ stage: { redis }, random }) {
      for (let times = 0; times < 5; times += 1) {
        await sleep(random.between(100, 400));
        await redis.tell('SCRIPT', 'FLUSH');
      }
    },
  },
  {
    // What was in the part that is cut may be lost, and what ended in it is handled again.
    name: 'append-only file truncated',
    excuses: { repeated: true },
    async run({ stage: { redis }, random }) {
      await sleep(random.between(500, 1_000));
      const gone = await redis.restartWithout(random.between(1, 5_000));
      return { lost: new Set(gone.match(/evt_[\da-f-]{36}/g)), repeated: true };
    },
  },
];
