/** What the tests of search and replay share. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import type { DeliveryStore } from '../../lib/deliveries/store.js';
import { silentLog } from '../../lib/log.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { BARE_NODE, ENV } from '../support/bare-node.js';
import { temporaryFolder, type TestStore } from '../support/store.js';

export const petstore = createPetstoreSender({ secret: 'a secret of the replay tests' });

/** The store of a test as the library sees it; ends with the test. */
export async function openDeliveries(t: Test, { url, prefix }: TestStore): Promise<DeliveryStore> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  const options = { redis, prefix, writeTimeout: 5_000, dedupeWindow: 3 * 86_400_000, log: silentLog };
  const queues = new Map(
    ['pce', 'petstore', 'pitchpoint'].map((name) => [name, new DeliveryQueue(name, options)]),
  );
  t.teardown(async () => {
    for (const queue of queues.values()) await queue.close();
    redis.disconnect();
  });
  await redis.ping();
  return { redis, prefix, queues };
}

export interface BrokenHandlers {
  /** Set as HANDLERS_DIR. */
  folder: string;
  /** From now on the handler succeeds. */
  mend(): Promise<void>;
  /** How often each webhook id was handled with success. */
  handled(): Promise<Map<string, number>>;
}

/**
 * A handler of every topic that fails at once, until it is mended; then it notes each event in a file.
 * Events of topic `pet.stubborn` fail still.
 */
export async function brokenHandlers(t: Test): Promise<BrokenHandlers> {
  const folder = await temporaryFolder(t);
  const handlers = path.join(folder, 'handlers');
  await mkdir(handlers);
  const [mended, notes] = [path.join(folder, 'mended'), path.join(folder, 'notes')];
  await writeFile(notes, '');
  await writeFile(
    path.join(handlers, 'any.mjs'),
    `import { appendFileSync, existsSync } from 'node:fs';
class PermanentError extends Error { name = 'PermanentError'; }
export default {
  source: 'petstore',
  topic: '*',
  async handle(event) {
    if (!existsSync(${JSON.stringify(mended)})) throw new PermanentError('the handler is broken');
    if (event.topic === 'pet.stubborn') throw new PermanentError('it stays broken');
    appendFileSync(${JSON.stringify(notes)}, event.id + '\\n');
  },
};`,
  );
  return {
    folder: handlers,
    mend: () => writeFile(mended, ''),
    async handled() {
      const counts = new Map<string, number>();
      for (const id of (await readFile(notes, 'utf8')).split('\n').filter(Boolean))
        counts.set(id, (counts.get(id) ?? 0) + 1);
      return counts;
    },
  };
}

/** Delivers an event; answers its id. */
export async function deliver(address: string, topic: string, id?: string): Promise<string> {
  const request = await petstore.request({ topic, data: {} }, id === undefined ? {} : { id });
  const { status, body } = await post(address, request, { timeoutMs: 30_000 });
  if (status !== 200) throw new Error(`${status}: ${body}`);
  return request.id;
}

export interface Running {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** The exit code, or the signal's name. */
  exited: Promise<number | string>;
}

/** Starts the built command line with no environment but this and PATH; it ends with the test. */
export function startCli(t: Test, environment: Record<string, string>, ...args: string[]): Running {
  return startProgram(t, environment, ENV, ...BARE_NODE, path.resolve('dist/cli/hookline.js'), ...args);
}

export function startProgram(
  t: Test,
  environment: Record<string, string>,
  program: string,
  ...args: string[]
): Running {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  return { child, stdout: () => stdout, stderr: () => stderr, exited };
}

/** Runs the built command line to its end. */
export async function cli(t: Test, environment: Record<string, string>, ...args: string[]) {
  const running = startCli(t, environment, ...args);
  return { exit: await running.exited, stdout: running.stdout(), stderr: running.stderr() };
}
