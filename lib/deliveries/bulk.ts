import { FINISHED_STATES, positionOf, type Entry, type FinishedPosition } from './entry.js';
import { FinishedWalk } from './finished-walk.js';
import { needsNoReading, selectMatching, statesOf } from './match.js';
import { apply } from './operations.js';
import { Pace } from './pace.js';
import { STRETCH } from './read-jobs.js';
import type { DeliverySummary, Filter } from './schema.js';
import { sourcesOf } from './search.js';
import { timeOf, updateSession, type Session } from './sessions.js';
import { keyOf, placesOf, type DeliveryStore } from './store.js';
import { summarise } from './summary.js';

export interface Preview {
  /** Milliseconds since 1970 by the store's clock: what ends later is left alone. */
  cutoff: number;
  /** How many match; `null` when counting took too long. */
  total: number | null;
  /** The first few that would be taken. */
  first: DeliverySummary[];
}

const COUNT_LIMIT = 10_000;
const FIRST = 5;

/**
 * What a replay or discard of this filter would take. Counts for `limit` milliseconds at most.
 * @throws {HooklineError} when the source is unknown
 */
export async function preview(store: DeliveryStore, given: Filter, limit = COUNT_LIMIT): Promise<Preview> {
  const cutoff = await timeOf(store);
  const filter = bounded(given, cutoff);
  const end = performance.now() + limit;
  const walk = await openWalk(store, filter);
  const first: Entry[] = [];
  let count = 0;
  for (;;) {
    const entries = await walk.next(STRETCH);
    const matching = await selectMatching(store, entries, filter);
    first.push(...matching.slice(0, FIRST - first.length));
    count += matching.length;
    const counted = entries.length === 0;
    if (!counted && performance.now() < end && !needsNoReading(filter)) continue;
    const total = counted ? count : needsNoReading(filter) ? await countSets(store, filter) : null;
    return { cutoff, total, first: await summarise(store, first) };
  }
}

export interface Progress {
  done: number;
  skipped: number;
}

export interface RunOptions {
  /** Aborted to stop: what is being written is still written. */
  signal: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** How a run ended: `stopped` can be resumed; `taken` is being run by somebody else. */
export type Ending = 'done' | 'stopped' | 'taken';

/** Jobs in one go at most, so that a stop is heard soon. */
const MAX_BATCH = 100;

/**
 * Runs a session from where it is to its end, the longest failed first, at its rate. Where it has come to is kept
 * in Redis with each batch, so that it can be resumed after anything.
 * @throws when Redis does not answer; the session can be resumed
 */
export async function runSession(
  store: DeliveryStore,
  session: Session,
  { signal, onProgress }: RunOptions,
): Promise<Ending> {
  const filter = bounded(session.filter, session.cutoff);
  const walk = await openWalk(store, filter, session.after);
  const pace = new Pace(session.rate, signal, async () => {
    return (await updateSession(store, session, {})) === 'running';
  });
  const size = Math.max(1, Math.min(MAX_BATCH, Math.floor(session.rate / 10)));
  const progress: Progress = { done: session.done, skipped: session.skipped };
  for (;;) {
    const entries = await walk.next(STRETCH);
    const last = entries.at(-1);
    if (!last)
      return (await updateSession(store, session, { status: 'done' })) === 'taken' ? 'taken' : 'done';
    const matching = await selectMatching(store, entries, filter);
    for (let at = 0; at < matching.length; at += size) {
      const batch = matching.slice(at, at + size);
      if (!(await pace.take(batch.length))) return leave(store, session);
      const outcomes = await apply(store, session, batch);
      progress.done += outcomes.filter((outcome) => outcome === 'done').length;
      progress.skipped += outcomes.filter((outcome) => outcome === 'skipped').length;
      onProgress?.(progress);
      if (outcomes.includes('stopped')) return leave(store, session);
      await updateSession(store, session, { after: positionOf(batch.at(-1) as Entry) as FinishedPosition });
    }
    await updateSession(store, session, { after: positionOf(last) as FinishedPosition });
    if (signal.aborted) return leave(store, session);
  }
}

async function leave(store: DeliveryStore, session: Session): Promise<Ending> {
  return (await updateSession(store, session, { status: 'stopped' })) === 'taken' ? 'taken' : 'stopped';
}

async function openWalk(
  store: DeliveryStore,
  filter: Filter,
  after?: FinishedPosition,
): Promise<FinishedWalk> {
  return new FinishedWalk(store, {
    places: await placesOf(store, sourcesOf(store, filter)),
    states: statesOf(filter, FINISHED_STATES),
    order: 'oldest',
    since: filter.since,
    until: filter.until,
    after,
  });
}

/** Bulk work is done to failures unless it says otherwise, and to nothing that ended after it began. */
function bounded(filter: Filter, cutoff: number): Filter {
  return { ...filter, state: filter.state ?? 'failed', until: Math.min(filter.until ?? cutoff, cutoff) };
}

async function countSets(store: DeliveryStore, filter: Filter): Promise<number> {
  const { since = '-inf', until = '+inf' } = filter;
  const places = await placesOf(store, sourcesOf(store, filter));
  const keys = places.flatMap((place) =>
    statesOf(filter, FINISHED_STATES).map((state) => keyOf(store, place, state)),
  );
  const counts = await Promise.all(keys.map((key) => store.redis.zcount(key, since, until)));
  return counts.reduce((sum, count) => sum + count, 0);
}
