import { z } from 'zod';
import { DURABILITIES } from '../queue/durability.js';
import { QUEUE_EVENTS } from '../queue/queue-events.js';
import { parseRedisAddress, RedisAddressError } from '../queue/redis-address.js';
import { MOST_SHARDS } from '../queue/shards.js';
import {
  duration,
  flag,
  integer,
  list,
  optionalDuration,
  optionalSize,
  ranges,
  rate,
  size,
  wholeNumber,
} from './units.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const LEAST_SPOOL = 1024 ** 2;

/** Every setting that is not a source's own. The names, defaults and meanings are those of README's table. */
export const baseShape = {
  NODE_ENV: z.string().default('development'),
  ROLE: z.enum(['all', 'receiver', 'worker']).default('all'),
  PORT: integer({ min: 0, max: 65_535, default: 3_000 }),
  HOST: z.string().default('127.0.0.1'),
  /** Processes that receive on PORT. With ROLE=all one more works; with ROLE=worker there is no such port. */
  RECEIVER_PROCESSES: integer({ min: 1, max: 64, default: 1 }),
  /** One Redis, one behind Sentinels, or a Cluster: lib/queue/redis-address.ts. */
  REDIS_URL: z.string().superRefine(checkRedisAddress).optional(),
  DATA_DIR: z.string().default('.data'),
  /** Bytes of deliveries that are kept on the disk while Redis cannot take them; 0: none, and they get 503. */
  SPOOL_MAX: size({ min: 0, max: 1024 ** 4, default: '1gb' }),
  /** How fast they are queued once it can. */
  SPOOL_DRAIN_RATE: rate().prefault('1000/s'),
  /** Which embedded store serves while REDIS_URL is unset. */
  EMBEDDED_STORE: z.enum(['auto', 'redis', 'wasm']).default('auto'),
  HANDLERS_DIR: z.string().optional(),
  WORKER_CONCURRENCY: integer({ min: 1, max: 10_000, default: 50 }),
  /** Where a process that only works serves /health and /metrics. Unset: nowhere. */
  WORKER_PORT: wholeNumber({ min: 0, max: 65_535 }).optional(),
  DEDUPE_WINDOW: duration({ min: 1_000, max: 365 * DAY, default: '3d' }),
  BODY_LIMIT: size({ min: 1024, max: 512 * 1024 ** 2, default: '10mb' }),
  /** Bytes that the bodies of all requests in hand may take together; half of them those of one address. */
  BODY_MEMORY: size({ min: 1024, max: 64 * 1024 ** 3, default: '256mb' }),
  MAX_CONNECTIONS: integer({ min: 1, max: 1_000_000, default: 10_000 }),
  MAX_CONNECTIONS_PER_ADDRESS: integer({ min: 1, max: 1_000_000, default: 1_000 }),
  /** Deliveries that are worked on at once. */
  MAX_IN_FLIGHT: integer({ min: 1, max: 1_000_000, default: 1_000 }),
  /** How late the event loop may be before less is taken. */
  MAX_LOOP_DELAY: duration({ min: 10, max: MINUTE, default: '500ms' }),
  /** Bytes of this process from which on less is taken. Unset: no limit. */
  MAX_MEMORY: optionalSize({ min: 64 * 1024 ** 2, max: 1024 ** 4, example: '1gb' }),
  /** Jobs of a source that have not begun, from which on it takes no more. Unset: no limit but Redis' memory. */
  MAX_QUEUE_DEPTH: wholeNumber({ min: 1, max: 1_000_000_000 }).optional(),
  /** Proxies whose X-Forwarded-For is believed, and whose connections are not counted as one address's. */
  TRUST_PROXY: ranges().optional(),
  /** Refused deliveries of one address from which on it gets nothing that costs others. */
  REFUSAL_LIMIT: rate().prefault('100/1m'),
  /** How long Redis may take to accept an event before the sender is told to come again. */
  ACCEPT_TIMEOUT: duration({ min: 100, max: MINUTE, default: '2s' }),
  /** What Redis must have done with an event before the 200. */
  DURABILITY: z.enum(DURABILITIES).default('redis'),
  SHUTDOWN_TIMEOUT: duration({ min: 0, max: 60 * MINUTE, default: '20s' }),
  /** How long completed jobs are kept for looking at, and how many at most per queue. */
  KEEP_COMPLETED: duration({ min: 0, max: 365 * DAY, default: '3d' }),
  KEEP_COMPLETED_COUNT: integer({ min: 0, max: 100_000_000, default: 100_000 }),
  /** How long failed jobs are kept. Unset: until somebody replays or discards them. */
  KEEP_FAILED: optionalDuration({ min: 1_000, max: 3_650 * DAY, example: '90d' }),
  /** First part of every Redis key: lets several Hooklines share one Redis. */
  QUEUE_PREFIX: z
    .string()
    .regex(/^[\w{}-]{1,32}$/, 'expected 1 to 32 letters, digits, _, - or a {hash tag}')
    .default('hookline'),
  /** Queues over which each source is spread; `<SOURCE>_QUEUE_SHARDS` for one. */
  QUEUE_SHARDS: integer({ min: 1, max: MOST_SHARDS, default: 1 }),
  /** What the event stream of each queue tells: of the handling of events, or also of their acceptance. */
  QUEUE_EVENTS: z.enum(QUEUE_EVENTS).default('handling'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** An OTLP collector by HTTP, to whose address `/v1/traces` is added, or not. Unset: nothing is traced. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .optional(),
  OTEL_SDK_DISABLED: flag(),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).default('otlp'),
  /** The receiver as providers reach it, without a path. Only `hookline doctor` and the like use it. */
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional(),
  ADMIN_USER: z.string().optional(),
  ADMIN_PASSWORD: z.string().min(8, 'expected at least 8 characters').optional(),
  /** Names of fields whose values are masked wherever /admin shows what an event says, besides credentials. */
  REDACT: list()
    .transform((names) => new Set(names.map((name) => name.toLowerCase())))
    .prefault(''),
  /** /admin shows, and changes nothing. */
  ADMIN_READONLY: flag(),
  PETSTORE_API_URL: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .default('https://api.petstoreapi.com/v1'),
  PETSTORE_API_TOKEN: z.string().optional(),
} satisfies z.ZodRawShape;

export type BaseSettings = z.output<z.ZodObject<typeof baseShape>>;

/** What no single variable can tell: combinations. Answers `[variable, problem]` pairs. */
export function checkCombinations(settings: BaseSettings): Array<[variable: string, problem: string]> {
  const problems: Array<[string, string]> = [];
  if (settings.NODE_ENV === 'production' && settings.REDIS_URL === undefined) {
    problems.push(['REDIS_URL', 'expected a Redis URL, since NODE_ENV=production has no embedded store']);
  }
  if ((settings.ADMIN_USER === undefined) !== (settings.ADMIN_PASSWORD === undefined)) {
    const missing = settings.ADMIN_USER === undefined ? 'ADMIN_USER' : 'ADMIN_PASSWORD';
    problems.push([missing, 'expected ADMIN_USER and ADMIN_PASSWORD to be set together']);
  }
  if (settings.KEEP_FAILED !== undefined && settings.KEEP_FAILED < settings.DEDUPE_WINDOW) {
    // Of a job that is gone while its id is remembered, it is known that it succeeded.
    problems.push(['KEEP_FAILED', 'expected a duration no shorter than DEDUPE_WINDOW']);
  }
  const processes = receiverProcesses(settings);
  if (processes > 1 && settings.REDIS_URL === undefined) {
    problems.push([
      'RECEIVER_PROCESSES',
      'expected 1 without REDIS_URL, since the embedded store is for one process',
    ]);
  }
  const forEach = processes > 1 ? ' for each of RECEIVER_PROCESSES' : '';
  if (settings.SPOOL_MAX > 0 && settings.SPOOL_MAX / processes < LEAST_SPOOL) {
    problems.push(['SPOOL_MAX', `expected a size of at least 1mb${forEach}, or 0 for no spool`]);
  }
  if (settings.BODY_MEMORY / processes < 2 * settings.BODY_LIMIT) {
    // One address gets half of it, in which one body must find room.
    problems.push(['BODY_MEMORY', `expected at least twice BODY_LIMIT${forEach}`]);
  }
  return problems;
}

/** How many processes share the port; 1: the process itself receives, or none does. */
export function receiverProcesses(settings: Pick<BaseSettings, 'ROLE' | 'RECEIVER_PROCESSES'>): number {
  return settings.ROLE === 'worker' ? 1 : settings.RECEIVER_PROCESSES;
}

function checkRedisAddress(text: string, context: z.RefinementCtx): void {
  try {
    parseRedisAddress(text);
  } catch (error) {
    if (!(error instanceof RedisAddressError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
}
