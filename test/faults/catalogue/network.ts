/** The way to Redis: cut, slow, or one that swallows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../fault.js';

export const networkFaults: Fault[] = [
  {
    // Redis does what it was asked, and nobody hears of it.
    name: 'replies dropped',
    async run({ stage: { proxy }, random }) {
      for (let times = 0; times < 3; times += 1) {
        await sleep(random.between(200, 600));
        proxy.mode = 'drop-replies';
        await sleep(random.between(50, 500));
        proxy.mode = 'pass';
        proxy.cut();
      }
    },
  },
  {
    name: 'connections cut in mid-command',
    async run({ stage: { proxy }, random }) {
      for (let times = 0; times < 5; times += 1) {
        await sleep(random.between(200, 500));
        proxy.mode = 'cut-inside';
        await sleep(random.between(20, 200));
        proxy.mode = 'pass';
      }
    },
  },
  {
    name: 'the way frozen',
    async run({ stage: { proxy }, random }) {
      await sleep(random.between(300, 600));
      proxy.mode = 'freeze';
      await sleep(random.between(2_000, 4_000));
      proxy.mode = 'pass';
      proxy.cut();
    },
  },
  {
    name: 'replies late',
    async run({ stage: { proxy }, random }) {
      proxy.delay = random.between(2_000, 3_500);
      await sleep(4_000);
      proxy.delay = 0;
    },
  },
];
