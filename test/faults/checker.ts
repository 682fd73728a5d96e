/** The one checker: what must hold whatever was done to the processes, to Redis and to the network. */
import { isTaken, type History, type Run } from './history.js';

/** What a fault may excuse; nothing, when left out. */
export interface Excuses {
  /** Ids that may be lost, since the fault is to take them from Redis' own file. */
  lost?: ReadonlySet<string>;
  /** A handler that was cut off, or whose worker was frozen, is run again. */
  repeated?: boolean;
  /** No handler keeps an order. */
  unordered?: boolean;
  /** A provider may use up its tries: the fault takes everything away for longer than that. */
  givenUp?: boolean;
}

export interface Violation {
  rule: 'lost' | 'two jobs' | 'not retryable' | 'forged' | 'repeated' | 'order' | 'given up';
  id: string;
  detail: string;
}

export function check(history: History, excuses: Excuses = {}): Violation[] {
  const ended = countEnds(history.runs);
  const violations: Violation[] = [];
  const say = (rule: Violation['rule'], id: string, detail: string) => violations.push({ rule, id, detail });

  for (const sent of history.sent.values()) {
    const { id, forged, exchanges } = sent;
    const times = ended.get(id) ?? 0;
    const jobs = history.queued.get(id)?.jobs ?? [];
    const answers = exchanges.map(({ status, said }) => `${status ?? ''} ${said}`.trim()).join(', ');
    if (forged) {
      if (isTaken(sent) || times > 0 || jobs.length > 0)
        say('forged', id, `${answers}; handled ${times} times`);
      continue;
    }
    if (isTaken(sent) && times === 0 && excuses.lost?.has(id) !== true) {
      say('lost', id, `answered ${answers}; ${jobs.length} jobs; never handled`);
    }
    if (jobs.length > 1) say('two jobs', id, jobs.join(', '));
    if (times > 1 && excuses.repeated !== true) say('repeated', id, `handled ${times} times; ${answers}`);
    if (sent.givenUp && excuses.givenUp !== true) say('given up', id, answers);
    for (const { status, said, retryAfter } of exchanges) {
      const retryable = status === undefined || (status >= 500 && /^[1-9]\d*$/.test(retryAfter ?? ''));
      if (status !== 200 && !retryable) say('not retryable', id, `${status} ${said}`);
    }
  }
  return excuses.unordered === true ? violations : [...violations, ...checkOrder(history)];
}

/** Events of one key end in the order of their numbers: when they end first, should they be run again. */
function checkOrder({ sent, queued, runs }: History): Violation[] {
  const last = new Map<string, { id: string; seq: number }>();
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const { what, id } of runs) {
    const key = sent.get(id)?.key;
    const seq = queued.get(id)?.seq;
    if (what !== 'ended' || key === undefined || seq === undefined || seen.has(id)) continue;
    seen.add(id);
    const before = last.get(key);
    if (before && before.seq > seq) {
      const detail = `number ${seq} of ${key} ended after ${before.seq} (${before.id})`;
      violations.push({ rule: 'order', id, detail });
    }
    last.set(key, { id, seq });
  }
  return violations;
}

export function countEnds(runs: readonly Run[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { what, id } of runs) if (what === 'ended') counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
