import { HooklineError } from '../errors.js';
import { FINISHED_STATES, type Entry } from './entry.js';
import { lookUp } from './look-up.js';
import { apply } from './operations.js';
import type { Action, Filter, OneRequest, SessionReport } from './schema.js';
import { createSession, readSession, updateSession } from './sessions.js';
import type { DeliveryStore } from './store.js';

/**
 * Replays or discards one delivery, by its webhook id or its job's, and records that.
 * @throws {HooklineError} when it is unknown, gone or has not ended; when it succeeded, unless forced
 */
export async function operateOne(
  store: DeliveryStore,
  {
    source,
    id,
    action,
    by,
    force,
    keepId,
  }: OneRequest & { source: string; id: string; action: Action; by: string },
): Promise<SessionReport> {
  const found = await lookUp(store, source, id);
  if (!found) throw new HooklineError('HKL_ERR_UNKNOWN_DELIVERY');
  const entry = requireEnded(found.entry);
  requireForce(entry.state, force);
  const session = await createSession(store, {
    action,
    by,
    keepId,
    filter: { source, id, state: entry.state },
    rate: 1,
    cutoff: entry.endedAt ?? 0,
    total: 1,
  });
  const [outcome] = await apply(store, session, [entry]);
  await updateSession(store, session, { status: 'done' });
  if (outcome !== 'done') throw new HooklineError('HKL_ERR_CHANGED');
  return readSession(store, session.id);
}

function requireEnded(entry: Entry | undefined): Entry {
  if (!entry) throw new HooklineError('HKL_ERR_JOB_GONE');
  if (FINISHED_STATES.some((state) => state === entry.state)) return entry;
  throw new HooklineError('HKL_ERR_NOT_ENDED');
}

/** @throws {HooklineError} when what succeeded is meant, and that was not asked for in so many words */
export function requireForce(state: Filter['state'], force: boolean): void {
  if (state === 'completed' && !force) throw new HooklineError('HKL_ERR_NEEDS_FORCE');
}
