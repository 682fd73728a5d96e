import { primariesOf, type RedisConnection } from '../../queue/connection.js';
import { checkPersistence, parseInfo } from '../../store/check-redis.js';
import type { DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';

/** Milliseconds; of Redis' answers, and by which its clock may differ. */
const SLOW = 10;
const CLOCK = { warn: 2_000, error: 60_000 };
/** Shares of maxmemory. */
const MEMORY = { warn: 0.75, error: 0.95 };
const PINGS = 21;

const NAMES: Record<string, string> = {
  'maxmemory-policy': 'redis-eviction',
  appendonly: 'redis-persistence',
  appendfsync: 'redis-persistence',
  version: 'redis-version',
};

/** Redis: there and writable, of a good version, losing nothing, with room, quick, and of our time. */
export const redisCheck: Check<DoctorContext> = {
  name: 'redis',
  async run(context) {
    const { redis, redisUrl } = context;
    if (redisUrl === undefined) return [notStarted(context)];
    if (!redis) return [unreachable(context)];
    const nodes = primariesOf(redis);
    const infos = (await Promise.all(nodes.map((node) => node.info()))).map(parseInfo);
    const fullest = infos.toSorted((a, b) => shareOf(b) - shareOf(a))[0] ?? new Map<string, string>();
    return [
      await writable(redis, context.settings.QUEUE_PREFIX),
      ...(await persistence(redis, context, fullest)),
      memory(fullest),
      await latency(redis, context.settings.ACCEPT_TIMEOUT),
      await clock(redis),
    ];
  },
};

function notStarted({ settings }: DoctorContext): Finding {
  return error(
    'redis',
    `REDIS_URL is not set, and no Hookline runs an embedded store in ${settings.DATA_DIR}`,
    'Without a store nothing is accepted.',
    'Set REDIS_URL, or start Hookline first.',
  );
}

function unreachable({ settings }: DoctorContext): Finding {
  const name = settings.REDIS_URL === undefined ? 'the embedded store' : 'REDIS_URL';
  return error(
    'redis',
    `${name} cannot be reached, or does not let us in`,
    'Deliveries wait in the spool; once it is full they are answered 503, and providers give up after a while.',
    'Check host, port, password and TLS (rediss://) of REDIS_URL, and that Redis runs.',
  );
}

/** As /health/ready does it: a Redis that only reads answers PING all the same. */
async function writable(redis: RedisConnection, prefix: string): Promise<Finding> {
  try {
    await redis.set(`${prefix}:ready`, '1', 'EX', 60);
    return ok('redis', 'reached, and takes writes');
  } catch (cause) {
    const code = /^[A-Z]+/.exec((cause as Error).message)?.[0] ?? 'no answer';
    return error(
      'redis',
      `reached, but takes no writes (${code})`,
      'Deliveries wait in the spool; once it is full they are answered 503.',
      'READONLY: point REDIS_URL at the primary. OOM: give it memory. MISCONF: its disk is full or not writable.',
    );
  }
}

async function persistence(
  redis: RedisConnection,
  { settings }: DoctorContext,
  info: Map<string, string>,
): Promise<Finding[]> {
  const version = info.get('redis_version') ?? info.get('valkey_version') ?? 'unknown';
  // The embedded store's settings are ours; what it forgets it says at its start.
  const warnings = settings.REDIS_URL === undefined ? [] : await checkPersistence(redis);
  const found = warnings.map(({ setting, message }) => {
    const name = NAMES[setting] ?? `redis-${setting}`;
    const [what = message, todo = ''] = message.split(/(?<=\.) (?=(?:Set|Use) )/);
    const why = 'What Redis loses was acknowledged, and no provider sends it again.';
    return setting === 'maxmemory-policy' || setting === 'version'
      ? error(name, what, why, todo || message)
      : warn(name, what, why, todo || message);
  });
  const named = new Set(found.map(({ name }) => name));
  const well: Array<[name: string, found: string]> = [
    ['redis-version', version],
    [
      'redis-persistence',
      settings.REDIS_URL === undefined ? 'the embedded store: see its start' : 'an append-only file',
    ],
    ['redis-eviction', 'noeviction'],
  ];
  return [...found, ...well.filter(([name]) => !named.has(name)).map(([name, what]) => ok(name, what))];
}

function memory(info: Map<string, string>): Finding {
  const { used, most } = memoryOf(info);
  const told = `${megabytes(used)} used${most > 0 ? ` of ${megabytes(most)}` : ', without a limit'}`;
  const share = shareOf(info);
  if (share < MEMORY.warn) return ok('redis-memory', told);
  const make = share < MEMORY.error ? warn : error;
  return make(
    'redis-memory',
    `${told} (${Math.round(share * 100)} %)`,
    'A full Redis refuses new events: deliveries wait in the spool, and are answered 503 once it is full.',
    'Raise maxmemory, lower KEEP_COMPLETED, or deal with the failed jobs that are kept.',
  );
}

function memoryOf(info: Map<string, string>): { used: number; most: number } {
  return { used: Number(info.get('used_memory') ?? 0), most: Number(info.get('maxmemory') ?? 0) };
}

function shareOf(info: Map<string, string>): number {
  const { used, most } = memoryOf(info);
  return most > 0 ? used / most : 0;
}

async function latency(redis: RedisConnection, acceptTimeout: number): Promise<Finding> {
  const times: number[] = [];
  for (let count = 0; count < PINGS; count += 1) {
    const started = performance.now();
    await redis.ping();
    times.push(performance.now() - started);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0;
  const told = `${median.toFixed(1)} ms for a PING, the median of ${PINGS}`;
  if (median < SLOW) return ok('redis-latency', told);
  const make = median < acceptTimeout / 2 ? warn : error;
  return make(
    'redis-latency',
    told,
    `Every acknowledgement waits for Redis, at most ACCEPT_TIMEOUT (${acceptTimeout} ms).`,
    'Move Redis closer to the receiver, or see what slows it down (SLOWLOG, its machine).',
  );
}

async function clock(redis: RedisConnection): Promise<Finding> {
  const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
  const difference = Math.abs(seconds * 1_000 + microseconds / 1_000 - Date.now());
  const told = `${Math.round(difference)} ms between its clock and ours`;
  if (difference < CLOCK.warn) return ok('redis-clock', told);
  const make = difference < CLOCK.error ? warn : error;
  return make(
    'redis-clock',
    told,
    'Tokens are judged by our clock and delays by Redis’: what differs ends too early or too late.',
    'Set both clocks by NTP.',
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
