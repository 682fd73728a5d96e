/**
 * The fault suite: npm run test:faults -- [--rounds 10] [--only name]… [--seed n] [--defect no-sync|set-then-add]
 * A round's seed is printed with its violations; `--seed <it> --rounds 1 --only <its fault>` draws the same again.
 * Ends with 1 where there is a violation.
 */
import { parseArgs } from 'node:util';
import { FAULTS } from './catalogue/index.js';
import type { Fault } from './fault.js';
import { openFault, playRound, type RoundResult } from './round.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    only: { type: 'string', multiple: true },
    seed: { type: 'string' },
    defect: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const rounds = Number(values.rounds);
const faults = FAULTS.filter(({ name }) => values.only?.some((part) => name.includes(part)) ?? true);
if (faults.length === 0)
  throw new Error(`no such fault; there are: ${FAULTS.map(({ name }) => name).join(', ')}`);

/** What was started for the fault that is on. */
const closers: Array<() => unknown> = [];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void closeAll().then(() => process.exit(1)));
}

console.log(`seed ${seed}, ${rounds} rounds each, Node.js ${process.version}\n`);
console.log(
  row(['fault', 'rounds', 'sent', '200', 'spooled', 'retried', 'again', 'missing', 'seconds', 'violations']),
);
let violations = 0;
for (const fault of faults) violations += await play(fault);
console.log(`\n${violations} violations`);
process.exitCode = violations > 0 ? 1 : 0;

async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

async function play(fault: Fault): Promise<number> {
  const began = Date.now();
  const results: RoundResult[] = [];
  try {
    const stage = await openFault({ teardown: (close) => void closers.push(close) }, fault, values.defect);
    for (let round = 0; round < rounds; round += 1) results.push(await playRound(stage, fault, seed + round));
  } finally {
    await closeAll();
  }
  const sum = (of: keyof RoundResult['figures']) =>
    results.reduce((all, { figures }) => all + figures[of], 0);
  const found = results.flatMap((result) => result.violations);
  const figures = [
    sum('sent'),
    sum('taken'),
    sum('spooled'),
    sum('retried'),
    sum('repeated'),
    sum('missing'),
  ];
  const seconds = Math.round((Date.now() - began) / 1_000);
  console.log(row([fault.name, results.length, ...figures, seconds, found.length]));
  for (const result of results) {
    for (const { rule, id, detail } of result.violations.slice(0, 5)) {
      console.log(`    seed ${result.seed}: ${rule}: ${id}: ${detail}`);
    }
  }
  return found.length;
}

function row([name = '', ...rest]: Array<string | number>): string {
  return String(name).padEnd(44) + rest.map((cell) => String(cell).padStart(11)).join('');
}
