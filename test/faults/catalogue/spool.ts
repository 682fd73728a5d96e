/** The spool in need: its disk full, its process killed, its last record torn, its folder shared, its power cut. */
import { appendFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/deliveries.js';
import type { Fault, Round } from '../fault.js';
import { PREFIX } from '../stage.js';

const SHIMMED = ['--import', 'tsx', 'test/faults/shimmed.ts'];

/** Takes Redis away, and waits until deliveries are spooled. */
async function useSpool({ stage, provider }: Round): Promise<void> {
  await sleep(300);
  await stage.redis.kill();
  const spooled = () =>
    [...provider.sent.values()]
      .flatMap(({ exchanges }) => exchanges)
      .filter(({ said }) => said === 'spooled');
  await until('deliveries to be spooled', () => spooled().length > 20);
}

export const spoolFaults: Fault[] = [
  {
    name: 'receiver killed while spooling',
    async run(round) {
      const { stage, random } = round;
      await useSpool(round);
      await sleep(random.between(0, 500));
      await stage.receivers[0]?.kill();
      await stage.receivers[0]?.start();
      await sleep(random.between(0, 500));
      await stage.receivers[0]?.kill();
      await stage.redis.start();
      await stage.receivers[0]?.start();
    },
  },
  {
    // All that was not synced is gone with the process.
    name: 'power cut while spooling',
    stage: { command: SHIMMED, receiver: { SHIM: 'power-cut' } },
    async run(round) {
      const { stage, random } = round;
      await useSpool(round);
      await sleep(random.between(0, 500));
      await stage.receivers[0]?.kill();
      await stage.receivers[0]?.start();
      await stage.redis.start();
    },
  },
  {
    name: 'spool torn',
    async run(round) {
      const { stage, random } = round;
      await useSpool(round);
      await stage.receivers[0]?.kill();
      const slot = path.join(stage.dataDir, 'spool', `${PREFIX}-0`);
      const last = (await readdir(slot)).toSorted().findLast((name) => /^\d+\.spool$/.test(name)) ?? '';
      // The beginning of a record that was never ended: opening, checksum, length, and less than that.
      const record = Buffer.from([0xff, 0x48, 0x4b, 0xfe, 1, 2, 3, 4, 0xff, 0xff, 0, 0, 0x7b, 0x22]);
      await appendFile(path.join(slot, last), record.subarray(0, random.between(1, record.length)));
      await stage.receivers[0]?.start();
      await stage.redis.start();
    },
  },
  {
    name: 'disk full while spooling',
    stage: { command: SHIMMED, receiver: { SHIM: 'full-disk' } },
    async run(round) {
      const { stage, random } = round;
      const flag = path.join(stage.dataDir, 'full');
      await useSpool(round);
      await writeFile(flag, '');
      await sleep(random.between(500, 1_500));
      await rm(flag);
      await sleep(500);
      await stage.redis.start();
    },
  },
  {
    // The one that stays takes over what the dead one left, or the next that is started does.
    name: 'two receivers on one spool folder',
    stage: { receivers: 2 },
    async run(round) {
      const { stage, random } = round;
      await useSpool(round);
      const [first, second] = random.next() < 0.5 ? stage.receivers : stage.receivers.toReversed();
      await first?.kill();
      await sleep(random.between(0, 500));
      await first?.start();
      await Promise.all([first?.kill(), second?.kill()]);
      await Promise.all([first?.start(), second?.start()]);
      await stage.redis.start();
    },
  },
];
