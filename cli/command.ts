import type { Command } from 'commander';
import type { z } from 'zod';
import { queueOf, type DeliveryStore } from '../lib/deliveries/store.js';
import type { DeliveryQueue } from '../lib/queue/delivery-queue.js';
import { loadSources } from '../lib/load-sources.js';
import { silentLog } from '../lib/log.js';
import { environment } from '../lib/settings/environment.js';
import { parseSettings, type Settings } from '../lib/settings/settings.js';
import type { SourceDefinition } from '../lib/source.js';
import { findEmbeddedStore } from '../lib/store/embedded-store.js';
import { withDeadline } from '../lib/deadline.js';

/** A command ends with a message for people and exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError';
}

/** Every file of a command exports one of these: it adds itself to the program. */
export type AddCommand = (program: Command) => void;

export interface Context {
  settings: Settings;
  definitions: SourceDefinition[];
}

/** The settings of this environment, checked as at start. */
export async function loadContext(): Promise<Context> {
  const definitions = await loadSources();
  return { definitions, settings: parseSettings(environment, definitions) };
}

const CONNECT_WAIT = 5_000;
/** Milliseconds for one command: nobody's delivery waits for an operator's. */
const COMMAND_TIMEOUT = 10_000;

/**
 * Runs `use` with every source's queue, on `REDIS_URL` or on the embedded store of a running Hookline.
 * @throws {CommandError} when the store cannot be reached
 */
export async function withStore<T>(
  { settings, definitions }: Context,
  use: (store: DeliveryStore) => Promise<T>,
): Promise<T> {
  // BullMQ and what it brings: the commands that need no store should not wait for it.
  const [{ DeliveryQueue }, { closeConnection, producerConnection }] = await Promise.all([
    import('../lib/queue/delivery-queue.js'),
    import('../lib/queue/connection.js'),
  ]);
  const redis = producerConnection(await storeUrl(settings), COMMAND_TIMEOUT, silentLog);
  try {
    const ready = new Promise<void>((resolve) => redis.once('ready', () => resolve()));
    await withDeadline(ready, CONNECT_WAIT).catch(() => {
      throw new CommandError('Redis cannot be reached. Check REDIS_URL, and that Redis is running.');
    });
    const prefix = settings.QUEUE_PREFIX;
    const { DEDUPE_WINDOW: dedupeWindow, ACCEPT_TIMEOUT: writeTimeout } = settings;
    const queues = new Map(
      definitions.map(({ name }) => [
        name,
        new DeliveryQueue(name, { redis, prefix, dedupeWindow, writeTimeout, log: silentLog }),
      ]),
    );
    try {
      return await use({ redis, prefix, queues, masked: settings.REDACT });
    } finally {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    }
  } finally {
    await closeConnection(redis);
  }
}

/**
 * Runs `use` with one source's queue.
 * @throws {CommandError} when the source is unknown or the store cannot be reached
 */
export async function withQueue<T>(
  context: Context,
  source: string,
  use: (queue: DeliveryQueue) => Promise<T>,
): Promise<T> {
  requireSource(context, source);
  return withStore(context, (store) => use(queueOf(store, source)));
}

/** @throws {CommandError} when there is no such source */
export function requireSource({ definitions }: Context, source: string): void {
  const names = definitions.map(({ name }) => name);
  if (!names.includes(source))
    throw new CommandError(`There is no source ${source}. Known: ${names.join(', ')}.`);
}

/** What was given on the command line, checked. @throws {CommandError} naming each option that is wrong */
export function parseOptions<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
  throw new CommandError(problems.join('\n'));
}

async function storeUrl(settings: Settings): Promise<string> {
  const url = settings.REDIS_URL ?? (await findEmbeddedStore(settings.DATA_DIR));
  if (url) return url;
  throw new CommandError(
    `REDIS_URL is not set and no Hookline is running on ${settings.DATA_DIR}. Set REDIS_URL, or start Hookline first.`,
  );
}
