import type { Redis } from 'ioredis';
import { primariesOf, type RedisConnection } from '../queue/connection.js';
import { waitCommand, type Durability } from '../queue/durability.js';

export interface PersistenceWarning {
  /** Redis' own name of the setting; `version` for its version. */
  setting: string;
  /** What would happen, and what to do. */
  message: string;
}

/** The oldest version whose commands BullMQ uses at their best. */
const OLDEST = [6, 2] as const;

/**
 * Finds out whether a Redis could lose queued events; of a Cluster, whether one of its primaries could. Where `CONFIG GET` is forbidden (managed services), `INFO`
 * tells less; what neither tells is not warned about.
 * @throws when the connection fails, not when Redis refuses a command
 */
export async function checkPersistence(redis: RedisConnection): Promise<PersistenceWarning[]> {
  const found = (await Promise.all(primariesOf(redis).map(checkNode))).flat();
  return found.filter(({ message }, index) => found.findIndex((one) => one.message === message) === index);
}

async function checkNode(redis: Redis): Promise<PersistenceWarning[]> {
  const info = parseInfo((await unlessRefused(redis.info())) ?? '');
  const [policy, appendOnly, fsync, save] = await Promise.all(
    ['maxmemory-policy', 'appendonly', 'appendfsync', 'save'].map((name) => configured(redis, name)),
  );
  const aof = appendOnly ?? { 0: 'no', 1: 'yes' }[info.get('aof_enabled') ?? ''];
  return [
    ...evictionWarning(policy ?? info.get('maxmemory_policy')),
    ...(aof === 'no' ? [appendOnlyWarning(save)] : []),
    ...(aof === 'yes' && fsync === 'no' ? [FSYNC_WARNING] : []),
    ...versionWarning(info.get('redis_version')),
  ];
}

/** This Redis cannot promise what DURABILITY asks for. */
export class DurabilityError extends Error {
  override name = 'DurabilityError';
  readonly code = 'DURABILITY';
}

/**
 * Tries the command that would wait before each 200.
 * @throws {DurabilityError} when this Redis does not have it, or not as it is set up
 */
export async function checkDurability(redis: RedisConnection, durability: Durability): Promise<void> {
  const wait = waitCommand(durability, 1);
  if (!wait) return;
  try {
    for (const node of primariesOf(redis)) await node.call(...wait);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ReplyError')) throw error;
    throw new DurabilityError(
      `DURABILITY=${durability} cannot be had from this Redis (${error.message.slice(0, 200)}). ` +
        'WAITAOF needs Redis 7.2 or Valkey, and an append-only file.',
    );
  }
}

function evictionWarning(policy: string | undefined): PersistenceWarning[] {
  if (policy === undefined || policy === 'noeviction') return [];
  const message =
    `maxmemory-policy is ${policy}: when its memory is full, Redis throws queued events away. ` +
    'Set maxmemory-policy to noeviction, so that it refuses new ones instead.';
  return [{ setting: 'maxmemory-policy', message }];
}

function appendOnlyWarning(save: string | undefined): PersistenceWarning {
  const kept =
    save === undefined
      ? 'at best snapshots are kept, and a crash loses every event since the last one'
      : save === ''
        ? 'nothing is kept on disk, and a restart loses every event'
        : `only snapshots are kept (save ${save}), and a crash loses every event since the last one`;
  return {
    setting: 'appendonly',
    message: `appendonly is no: ${kept}. Set appendonly to yes, or make sure that your provider keeps the data otherwise.`,
  };
}

const FSYNC_WARNING: PersistenceWarning = {
  setting: 'appendfsync',
  message:
    'appendfsync is no: a power failure may lose the events of the last half minute. ' +
    'Set appendfsync to everysec, or to always to lose none.',
};

function versionWarning(version: string | undefined): PersistenceWarning[] {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  if (version === undefined || major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return [];
  return [{ setting: 'version', message: `Redis ${version} is too old. Use Redis 6.2 or newer, or Valkey.` }];
}

/** The value of one setting; `undefined` where it may not be asked for or is not known. */
async function configured(redis: Redis, name: string): Promise<string | undefined> {
  const reply = await unlessRefused(redis.config('GET', name));
  // [name, value], or { name: value } where the client maps replies.
  const value: unknown = Object.values((reply ?? []) as object).at(-1);
  return typeof value === 'string' ? value : undefined;
}

async function unlessRefused<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

/** What `INFO` answers: its fields by name. */
export function parseInfo(text: string): Map<string, string> {
  const pairs = text.matchAll(/^(\w+):(.*?)\r?$/gm);
  return new Map(Array.from(pairs, ([, name = '', value = '']) => [name, value]));
}
