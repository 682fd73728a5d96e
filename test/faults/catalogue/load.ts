/** Too much at once, and clocks that are wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';

/** The process' own clock, and no other, is five minutes off. */
function clock(minutes: number): Record<string, string> {
  return { CLOCK_OFFSET: String(minutes * 60_000), NODE_OPTIONS: '--import ./test/faults/clock.mjs' };
}

export const loadFaults: Fault[] = [
  {
    name: '1,000-fold duplicate storm',
    perSecond: 0,
    connections: 200,
    stage: { receivers: 2 },
    async run({ provider }) {
      await Promise.all(Array.from({ length: 3 }, () => provider.event(1_000)));
    },
  },
  {
    name: '10,000 synchronised retries',
    perSecond: 0,
    connections: 500,
    async run({ stage, provider }) {
      // Nobody listens: so all of them come again, and at the same time.
      await stage.receivers[0]?.kill();
      const all = Promise.all(Array.from({ length: 10_000 }, () => provider.event(1)));
      await stage.receivers[0]?.start();
      await all;
    },
  },
  {
    name: 'receiver 5 min ahead, worker 5 min behind',
    stage: { receiver: clock(5), worker: clock(-5) },
    async run() {
      await sleep(2_000);
    },
  },
  {
    name: 'receiver 5 min behind, worker 5 min ahead',
    stage: { receiver: clock(-5), worker: clock(5) },
    async run() {
      await sleep(2_000);
    },
  },
];
