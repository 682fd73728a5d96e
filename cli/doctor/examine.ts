/** Everything that a delivery needs, looked at. */
import type { RedisConnection } from '../../lib/queue/connection.js';
import { withDeadline } from '../../lib/deadline.js';
import { allChecks } from '../../lib/doctor/checks/index.js';
import type { DoctorContext } from '../../lib/doctor/context.js';
import { error, runChecks, type Finding } from '../../lib/doctor/finding.js';
import { silentLog } from '../../lib/log.js';
import { PetstoreApi } from '../../lib/petstore-api/client.js';
import { closeConnection, producerConnection } from '../../lib/queue/connection.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { SettingsError } from '../../lib/settings/settings.js';
import { parseDuration, parseSize } from '../../lib/settings/units.js';
import { findEmbeddedStore } from '../../lib/store/embedded-store.js';
import { loadRegistry } from '../../workers/runtime.js';
import { CommandError, type Context } from '../command.js';
import type { JsonOption } from '../output.js';
import { readReceiver } from '../send/options.js';

/** As commander hands them over. */
export interface DoctorOptions extends JsonOption {
  url?: string;
  receiver?: string;
  providerTest?: boolean;
  wait: string;
  minFree: string;
}

/** Milliseconds; a check has 20 s in all. */
const MAX_WAIT = 15_000;
const CONNECT_WAIT = 5_000;
/** Milliseconds for one request to a provider's API: all its tries must fit into the time of one check. */
const API_TIMEOUT = 3_000;

/**
 * Runs every check on what the settings say.
 * @param load reads the settings; where they are wrong, that is the only finding
 * @param show told of each finding as it is made
 * @throws {CommandError} for a mistake on the command line
 */
export async function examine(
  options: DoctorOptions,
  load: () => Promise<Context>,
  show: (finding: Finding) => void = () => {},
): Promise<Finding[]> {
  const minFree = parseSize(options.minFree);
  if (minFree === undefined)
    throw new CommandError(`--min-free wants a size such as 1gb; given: ${options.minFree}`);
  const handledWithin = parseDuration(options.wait);
  if (handledWithin === undefined || handledWithin < 1 || handledWithin > MAX_WAIT)
    throw new CommandError(`--wait wants a duration up to 15s, such as 10s; given: ${options.wait}`);
  let context: Context;
  try {
    context = await load();
  } catch (cause) {
    if (!(cause instanceof SettingsError)) throw cause;
    const finding = error(
      'settings',
      cause.message,
      'Nothing starts with these.',
      'Set each as it says; README.md lists them.',
    );
    show(finding);
    return [finding];
  }
  const { settings, definitions } = context;
  const redisUrl = settings.REDIS_URL ?? (await findEmbeddedStore(settings.DATA_DIR));
  const redis = redisUrl === undefined ? undefined : await connect(redisUrl);
  const queues = new Map<string, DeliveryQueue>();
  try {
    return await runChecks(
      allChecks,
      {
        settings,
        definitions,
        redisUrl,
        redis,
        queue: (source) => openQueue(context, redis, queues, source),
        receiverUrl: readReceiver(options.receiver ?? `http://127.0.0.1:${settings.PORT}`),
        publicUrl: options.url === undefined ? settings.PUBLIC_URL : readReceiver(options.url),
        handlers: () => readHandlers(context),
        petstore: openPetstore(context),
        petstoreEndpoint: undefined,
        providerTest: options.providerTest === true,
        handledWithin,
        minFree,
      },
      show,
    );
  } finally {
    await Promise.all([...queues.values()].map((queue) => queue.close()));
    if (redis) await closeConnection(redis);
  }
}

async function connect(url: string): Promise<RedisConnection | undefined> {
  const redis = producerConnection(url, CONNECT_WAIT, silentLog);
  try {
    const ready = new Promise<void>((resolve) => redis.once('ready', () => resolve()));
    await withDeadline(ready, CONNECT_WAIT);
    return redis;
  } catch {
    redis.disconnect();
    return undefined;
  }
}

function openQueue(
  { settings }: Context,
  redis: RedisConnection | undefined,
  open: Map<string, DeliveryQueue>,
  source: string,
): DeliveryQueue {
  if (!redis) throw new Error('Redis was not reached');
  const known = open.get(source);
  if (known) return known;
  const queue = new DeliveryQueue(source, {
    redis,
    prefix: settings.QUEUE_PREFIX,
    dedupeWindow: settings.DEDUPE_WINDOW,
    writeTimeout: settings.ACCEPT_TIMEOUT,
    log: silentLog,
  });
  open.set(source, queue);
  return queue;
}

/** The user's handlers: those of the providers' protocols (`sources/…`) take no events that anybody asked for. */
async function readHandlers({ settings, definitions }: Context) {
  const registry = await loadRegistry(settings, definitions);
  const own = registry.list().filter(({ file }) => !file.startsWith('sources/'));
  return {
    has: (source: string, topic: string) =>
      registry.match(source, { topic, subTopic: null, tenantId: null }) !== undefined,
    count: (source: string) => own.filter(({ handler }) => handler.source === source).length,
  };
}

function openPetstore({ settings }: Context): DoctorContext['petstore'] {
  const { PETSTORE_API_URL: baseUrl, PETSTORE_API_TOKEN: token } = settings;
  return token === undefined ? undefined : new PetstoreApi({ baseUrl, token, timeoutMs: API_TIMEOUT });
}
