import { lookUp } from './look-up.js';
import {
  decodeCursor,
  encodeCursor,
  isFinished,
  positionOf,
  FINISHED_STATES,
  UNFINISHED_STATES,
  type Entry,
  type Position,
} from './entry.js';
import { FinishedWalk } from './finished-walk.js';
import { needsNoReading, selectMatching, statesOf } from './match.js';
import { STRETCH } from './read-jobs.js';
import type { Filter, SearchPage } from './schema.js';
import { placesOf, queueOf, type DeliveryStore } from './store.js';
import { summarise } from './summary.js';
import { UnfinishedWalk } from './unfinished-walk.js';

/** Milliseconds after which a page ends with what it has: however few jobs match, the answer comes at once. */
const BUDGET = 400;

export interface PageOptions {
  limit: number;
  cursor?: string | undefined;
  /** Milliseconds. */
  budget?: number;
}

/**
 * One page of what matches: first what has not ended, then what has, the newest first. A page may hold fewer
 * than `limit` although there are more; its cursor goes on.
 * @throws {HooklineError} when the source or the cursor is unknown
 */
export async function searchDeliveries(
  store: DeliveryStore,
  filter: Filter,
  { limit, cursor, budget = BUDGET }: PageOptions,
): Promise<SearchPage> {
  const end = performance.now() + budget;
  if (filter.id !== undefined) return findById(store, filter, filter.id);
  const walk = await walkAll(store, filter, cursor === undefined ? undefined : decodeCursor(cursor));
  const found: Entry[] = [];
  let lookedAt = 0;
  let last: Entry | undefined;
  do {
    const entries = await walk.next(needsNoReading(filter) ? limit - found.length : STRETCH);
    last = entries.at(-1);
    if (!last) break;
    const matching = await selectMatching(store, entries, filter);
    const taken = matching.slice(0, limit - found.length);
    found.push(...taken);
    if (found.length === limit) last = found.at(-1) as Entry;
    lookedAt += entries.indexOf(last) + 1;
  } while (found.length < limit && performance.now() < end);
  return {
    deliveries: await summarise(store, found),
    lookedAt,
    cursor: last ? encodeCursor(positionOf(last)) : null,
  };
}

/** The sources that a filter allows, in the order in which they are listed. */
export function sourcesOf(store: DeliveryStore, { source }: Filter): string[] {
  if (source === undefined) return [...store.queues.keys()].sort();
  queueOf(store, source);
  return [source];
}

/** A webhook id is found by its key, whatever else there is. */
async function findById(store: DeliveryStore, filter: Filter, id: string): Promise<SearchPage> {
  const found: Entry[] = [];
  for (const source of sourcesOf(store, filter)) {
    const entry = (await lookUp(store, source, id))?.entry;
    if (entry && isWanted(entry, filter)) found.push(entry);
  }
  const matching = await selectMatching(store, found, { ...filter, id: undefined });
  return { deliveries: await summarise(store, matching), lookedAt: found.length, cursor: null };
}

function isWanted({ state, endedAt }: Entry, filter: Filter): boolean {
  const { since = -Infinity, until = Infinity } = filter;
  if (endedAt !== undefined && (endedAt < since || endedAt > until)) return false;
  return statesOf(filter, [state]).length === 1;
}

/** First what has not ended, then what has. */
async function walkAll(store: DeliveryStore, filter: Filter, after: Position | undefined) {
  const places = await placesOf(store, sourcesOf(store, filter));
  const finished = new FinishedWalk(store, {
    places,
    states: statesOf(filter, FINISHED_STATES),
    order: 'newest',
    since: filter.since,
    until: filter.until,
    after: after && isFinished(after) ? after : undefined,
  });
  if (after && isFinished(after)) return finished;
  const states = statesOf(filter, UNFINISHED_STATES);
  const unfinished = new UnfinishedWalk(store, { places, states, after });
  return {
    async next(count: number): Promise<Entry[]> {
      const entries = await unfinished.next(count);
      return entries.length > 0 ? entries : finished.next(count);
    },
  };
}
