import { setTimeout as sleep } from 'node:timers/promises';
import type { Owner } from '../support/store.js';
import { check, countEnds, type Violation } from './checker.js';
import type { Fault } from './fault.js';
import { isTaken, type History } from './history.js';
import { Provider } from './provider.js';
import { Random } from './random.js';
import { openStage, type Stage } from './stage.js';

export interface RoundResult {
  seed: number;
  violations: Violation[];
  figures: Figures;
}

export interface Figures {
  sent: number;
  taken: number;
  spooled: number;
  retried: number;
  /** Handled more than once. */
  repeated: number;
  /** Ids that Redis was made to lose, and that are missing. */
  missing: number;
}

/** Milliseconds of load after the fault. */
const AFTERWARDS = 500;

/** Opens a fault's stage. `defect` puts one into the receivers; see `shimmed.ts`. */
export function openFault(owner: Owner, { stage }: Fault, defect?: string): Promise<Stage> {
  if (defect === undefined) return openStage(owner, stage);
  const command = stage?.command ?? ['--import', 'tsx', 'test/faults/shimmed.ts'];
  return openStage(owner, { ...stage, command, receiver: { ...stage?.receiver, DEFECT: defect } });
}

/** One round: load, the fault in it, and what became of it all, for which it waits `settle` milliseconds at most. */
export async function playRound(
  stage: Stage,
  fault: Fault,
  seed: number,
  { settle }: { settle?: number } = {},
): Promise<RoundResult> {
  const random = new Random(seed);
  const { addresses, slowness } = stage;
  // One of its own: how often it draws depends on time, and the fault's moments must not.
  const ownRandom = new Random(~seed);
  const provider = new Provider({
    addresses,
    random: ownRandom,
    connections: fault.connections ?? 50,
    slowness,
  });
  const perSecond = fault.perSecond ?? 100;
  if (perSecond > 0) provider.start(perSecond);
  const excuses = { ...fault.excuses, ...(await fault.run({ stage, provider, random })) };
  await sleep(AFTERWARDS);
  await provider.finish();
  // What is lost with leave need not be waited for: it is in the history all the same.
  const history = await stage.settle(provider.sent, { limit: settle, lost: excuses.lost });
  return { seed, violations: check(history, excuses), figures: count(history) };
}

function count({ sent, runs }: History): Figures {
  const all = [...sent.values()];
  const ended = countEnds(runs);
  const genuine = all.filter(({ forged }) => !forged);
  return {
    sent: all.length,
    taken: genuine.filter(isTaken).length,
    spooled: genuine.filter(({ exchanges }) => exchanges.some(({ said }) => said === 'spooled')).length,
    retried: genuine.filter(({ exchanges }) => exchanges.some(({ status }) => status !== 200)).length,
    repeated: [...ended.values()].filter((times) => times > 1).length,
    missing: genuine.filter((one) => isTaken(one) && !ended.has(one.id)).length,
  };
}
