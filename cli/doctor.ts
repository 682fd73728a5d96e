import type { Redis } from 'ioredis';
import { withDeadline } from '../lib/deadline.js';
import { allChecks } from '../lib/doctor/checks/index.js';
import type { DoctorContext } from '../lib/doctor/context.js';
import { error, runChecks, type Finding } from '../lib/doctor/finding.js';
import { silentLog } from '../lib/log.js';
import { PetstoreApi } from '../lib/petstore-api/client.js';
import { closeConnection, producerConnection } from '../lib/queue/connection.js';
import { DeliveryQueue } from '../lib/queue/delivery-queue.js';
import { SettingsError } from '../lib/settings/settings.js';
import { parseSize } from '../lib/settings/units.js';
import { findEmbeddedStore } from '../lib/store/embedded-store.js';
import { loadRegistry } from '../workers/runtime.js';
import { CommandError, loadContext, type AddCommand, type Context } from './command.js';
import { explained, print, type JsonOption } from './output.js';
import { readReceiver } from './send/options.js';

interface DoctorOptions extends JsonOption {
  url?: string;
  receiver?: string;
  providerTest?: boolean;
  minFree: string;
}

const CONNECT_WAIT = 5_000;
/** Milliseconds for one request to a provider's API: all its tries must fit into the time of one check. */
const API_TIMEOUT = 3_000;

export const addDoctor: AddCommand = (program) => {
  program
    .command('doctor')
    .description('look at everything that a delivery needs; say what is wrong, why it matters and what to do')
    .option('--url <url>', 'the receiver as providers reach it; default: PUBLIC_URL')
    .option('--receiver <url>', 'the receiver as this machine reaches it; default: http://127.0.0.1:PORT')
    .option('--provider-test', 'have Petstore send a sample event, which your handlers take for a real one')
    .option('--min-free <size>', 'disk space that is enough', '1gb')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Run it with the receiver's environment. It sends the receiver a test delivery under a topic of its own, hookline.doctor,
and takes it away again.

Exit code 1 when something is wrong; warnings alone are 0.

Example:
  hookline doctor --url https://hooks.example.com`,
    )
    .action(explained(doctor));
};

async function doctor(options: DoctorOptions): Promise<void> {
  const show = (finding: Finding) => {
    if (!options.json) console.log(describe(finding));
  };
  const findings = await examine(options, show);
  const errors = findings.filter(({ level }) => level === 'error').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (options.json) print({ ok: errors === 0, errors, warnings, findings });
  else console.log(`\n${errors} errors, ${warnings} warnings, ${findings.length - errors - warnings} well.`);
  if (errors > 0) process.exitCode = 1;
}

async function examine(options: DoctorOptions, show: (finding: Finding) => void): Promise<Finding[]> {
  const minFree = parseSize(options.minFree);
  if (minFree === undefined)
    throw new CommandError(`--min-free wants a size such as 1gb; given: ${options.minFree}`);
  let context: Context;
  try {
    context = await loadContext();
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
        minFree,
      },
      show,
    );
  } finally {
    await Promise.all([...queues.values()].map((queue) => queue.close()));
    if (redis) await closeConnection(redis);
  }
}

async function connect(url: string): Promise<Redis | undefined> {
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
  redis: Redis | undefined,
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

function describe({ name, level, found, why, todo }: Finding): string {
  const mark = { ok: 'ok   ', warn: 'WARN ', error: 'ERROR' }[level];
  const first = `${mark}  ${name.padEnd(18)} ${found}`;
  return level === 'ok' ? first : `${first}\n         why:  ${why}\n         todo: ${todo}`;
}
