import { randomBytes } from 'node:crypto';
import { HooklineError } from '../errors.js';
import { positionSchema, type FinishedPosition } from './entry.js';
import { SESSION_STATUSES, type Action, type Filter, type SessionReport } from './schema.js';
import { shardLabel } from '../queue/shards.js';
import { keyOf, type DeliveryStore, type Place } from './store.js';

/** A session as its runner knows it. */
export interface Session {
  id: string;
  action: Action;
  filter: Filter;
  by: string;
  /** Jobs per second. */
  rate: number;
  /** Discard only: a delivery with the same id stays a duplicate. */
  keepId: boolean;
  /** Milliseconds since 1970: what ended later is left alone. */
  cutoff: number;
  /** Counts who took the session up: only the last one may go on. */
  run: number;
  /** Where it goes on. */
  after: FinishedPosition | undefined;
  total: number | null;
  done: number;
  skipped: number;
}

export type NewSession = Pick<Session, 'action' | 'filter' | 'by' | 'rate' | 'keepId' | 'cutoff' | 'total'>;

/** Milliseconds for which the record of a replay or discard is kept. */
const KEPT = 90 * 86_400_000;
/** Milliseconds of silence after which a running session is taken for interrupted; runners speak more often. */
const SILENCE = 30_000;

export function sessionKey({ prefix }: DeliveryStore, id: string): string {
  return `${prefix}:replays:${id}`;
}

function indexKey({ prefix }: DeliveryStore): string {
  return `${prefix}:replays`;
}

/** The time in the store: what ended before this moment ended before a session that begins now. */
export async function timeOf({ redis }: DeliveryStore): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

export async function createSession(store: DeliveryStore, session: NewSession): Promise<Session> {
  const now = new Date();
  // Sorts by time, and can be said aloud: 20260131-080000-3f9a.
  const id = `${now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}-${randomBytes(2).toString('hex')}`;
  const key = sessionKey(store, id);
  const record = {
    action: session.action,
    filter: JSON.stringify(session.filter),
    by: session.by,
    rate: session.rate,
    keepId: Number(session.keepId),
    cutoff: session.cutoff,
    total: session.total ?? '',
    run: 1,
    status: 'running',
    startedAt: now.toISOString(),
    updatedAt: now.toISOString(),
  };
  const replies = await store.redis
    .multi()
    .hset(key, record)
    .pexpire(key, KEPT)
    .zremrangebyscore(indexKey(store), '-inf', now.getTime() - KEPT)
    .zadd(indexKey(store), now.getTime(), id)
    .exec();
  for (const [error] of replies ?? []) if (error) throw error;
  return { ...session, id, run: 1, after: undefined, done: 0, skipped: 0 };
}

/**
 * Takes a session up again, from whoever had it: a runner that still lives stops at its next step.
 * @param options.action what it must be
 * @param options.rate jobs per second, in place of what it had; `maxRate` bounds what it had
 * @throws {HooklineError} when there is none, or it has come to its end
 */
export async function resumeSession(
  store: DeliveryStore,
  id: string,
  { action, rate, maxRate = Infinity }: { action?: Action; rate?: number | undefined; maxRate?: number } = {},
): Promise<Session> {
  const fields = await read(store, id);
  if (action !== undefined && fields['action'] !== action) throw new HooklineError('HKL_ERR_UNKNOWN_SESSION');
  if (fields['status'] === 'done') throw new HooklineError('HKL_ERR_SESSION_ENDED');
  const key = sessionKey(store, id);
  const run = await store.redis.hincrby(key, 'run', 1);
  const pace = Math.min(rate ?? Number(fields['rate']), maxRate);
  await store.redis.hset(key, { status: 'running', rate: pace, updatedAt: new Date().toISOString() });
  const after = positionSchema.safeParse(JSON.parse(fields['after'] || 'null'));
  const { total, done, skipped, filter, by, ...report } = toReport(id, fields);
  return {
    id,
    action: report.action,
    filter,
    by,
    rate: pace,
    run,
    total,
    done,
    skipped,
    keepId: fields['keepId'] === '1',
    cutoff: Number(fields['cutoff']),
    after: after.success ? (after.data as FinishedPosition) : undefined,
  };
}

/** Only the runner that has the session may write to it. */
const UPDATE = `
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 'taken' end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('HGET', KEYS[1], 'status')`;

/**
 * Notes how far a session has come, and that its runner lives.
 * @returns the status that it then has; `taken` when somebody took it up elsewhere, and nothing is noted
 */
export async function updateSession(
  store: DeliveryStore,
  session: Pick<Session, 'id' | 'run'>,
  changes: { after?: FinishedPosition; status?: 'stopped' | 'done' },
): Promise<SessionReport['status'] | 'taken'> {
  const { after, status } = changes;
  const fields = {
    updatedAt: new Date().toISOString(),
    ...(after && { after: JSON.stringify(after) }),
    ...(status && { status }),
  };
  const args = Object.entries(fields).flat();
  const key = sessionKey(store, session.id);
  return (await store.redis.eval(UPDATE, 1, key, String(session.run), ...args)) as 'running';
}

/** Has nobody stopped it, or taken it up elsewhere? */
export async function mayGoOn(store: DeliveryStore, { id, run }: Session): Promise<boolean> {
  const fields = await store.redis.hmget(sessionKey(store, id), 'status', 'run');
  return fields[0] === 'running' && fields[1] === String(run);
}

/** What a session did in a queue that need not be on its node: a hash of `done` and `skipped`. */
export function countsKey(store: DeliveryStore, { id }: Session, place: Place): string {
  return keyOf(store, place, `replays:${id}`);
}

/** Tells the session what it did there so far. A runner that dies before leaves that to the next batch. */
export async function tellCounts(store: DeliveryStore, session: Session, place: Place): Promise<void> {
  const key = countsKey(store, session, place);
  const [done, skipped] = await store.redis.hmget(key, 'done', 'skipped');
  await store.redis.pexpire(key, KEPT);
  const at = shardLabel(place.source, place.shard);
  await store.redis.hset(sessionKey(store, session.id), {
    [`done:${at}`]: done ?? 0,
    [`skipped:${at}`]: skipped ?? 0,
  });
}

/** Of all queues: the field of the sources' first ones, and one for each other. */
function sumOf(fields: Partial<Record<string, string>>, name: 'done' | 'skipped'): number {
  const each = Object.entries(fields).filter(([field]) => field === name || field.startsWith(`${name}:`));
  return each.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Asks whoever runs it to stop. @throws {HooklineError} when there is none, or it has come to its end */
export async function stopSession(store: DeliveryStore, id: string): Promise<SessionReport> {
  const fields = await read(store, id);
  if (fields['status'] === 'done') throw new HooklineError('HKL_ERR_SESSION_ENDED');
  await updateSession(store, { id, run: Number(fields['run']) }, { status: 'stopped' });
  return readSession(store, id);
}

/** @throws {HooklineError} when there is none */
export async function readSession(store: DeliveryStore, id: string): Promise<SessionReport> {
  return toReport(id, await read(store, id));
}

/** The newest first. */
export async function listSessions(store: DeliveryStore, limit: number): Promise<SessionReport[]> {
  const ids = await store.redis.zrevrange(indexKey(store), 0, limit - 1);
  const reports = await Promise.all(ids.map((id) => readSession(store, id).catch(unlessUnknown)));
  return reports.filter((report) => report !== undefined);
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof HooklineError && error.code === 'HKL_ERR_UNKNOWN_SESSION') return undefined;
  throw error;
}

async function read(store: DeliveryStore, id: string): Promise<Partial<Record<string, string>>> {
  const fields = await store.redis.hgetall(sessionKey(store, id));
  if (fields['status'] === undefined) throw new HooklineError('HKL_ERR_UNKNOWN_SESSION');
  return fields;
}

function toReport(id: string, fields: Partial<Record<string, string>>): SessionReport {
  const { updatedAt = '', startedAt = '', by = '' } = fields;
  const status = SESSION_STATUSES.find((one) => one === fields['status']) ?? 'stopped';
  return {
    id,
    action: fields['action'] === 'discard' ? 'discard' : 'replay',
    status,
    interrupted: status === 'running' && Date.now() - Date.parse(updatedAt) > SILENCE,
    by,
    filter: JSON.parse(fields['filter'] ?? '{}') as Filter,
    rate: Number(fields['rate']),
    total: fields['total'] ? Number(fields['total']) : null,
    done: sumOf(fields, 'done'),
    skipped: sumOf(fields, 'skipped'),
    startedAt,
    updatedAt,
  };
}
