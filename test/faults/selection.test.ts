/** A round of some faults, and the defects for which the suite exists: it must see them. `FAULT_SEED` draws the same again. */
import t from 'tap';
import { FAULTS } from './catalogue/index.js';
import { noRedis } from '../support/redis-program.js';
import type { Fault } from './fault.js';
import { openFault, playRound } from './round.js';

const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

t.setTimeout(600_000);
// Most of the time is pauses of the provider; each has a Redis and processes of its own.
t.jobs = 2;
t.comment(`FAULT_SEED=${seed}`);

function named(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault) throw new Error(`there is no fault ${name}`);
  return fault;
}

for (const name of ['receiver killed', 'connections cut in mid-command', 'power cut while spooling']) {
  void t.test(name, { skip: noRedis }, async (t) => {
    const fault = named(name);
    const { violations, figures } = await playRound(await openFault(t, fault), fault, seed);
    t.comment(JSON.stringify({ seed, ...figures }));
    t.ok(figures.taken > 20, 'there was load');
    t.same(violations, []);
  });
}

/** What the suite must find, within so many rounds. */
const DEFECTS: Array<[defect: string, fault: string, rounds: number]> = [
  ['no-sync', 'power cut while spooling', 1],
  ['set-then-add', 'receiver killed', 25],
];

for (const [defect, name, rounds] of DEFECTS) {
  void t.test(`the defect ${defect} is seen`, { skip: noRedis }, async (t) => {
    const fault = named(name);
    const stage = await openFault(t, fault, defect);
    for (let round = 0; round < rounds; round += 1) {
      const { violations } = await playRound(stage, fault, seed + round, { settle: 5_000 });
      const lost = violations.filter(({ rule }) => rule === 'lost');
      if (lost.length === 0) continue;
      t.pass(`seed ${seed + round}: ${lost.length} lost`);
      return;
    }
    t.fail(`not in ${rounds} rounds`);
  });
}
