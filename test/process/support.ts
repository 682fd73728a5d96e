/** What the tests of whole processes share. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post, type Answer, type SignedRequest } from '../../senders/sender.js';
import { BARE_NODE, ENV } from '../support/bare-node.js';
import type { HooklineProcess } from '../support/process.js';
import type { TestStore } from '../support/store.js';
import { countBy } from './handlers.js';
import { listens } from './relay.js';

export const petstore = createPetstoreSender({ secret: 'a secret of the process tests' });

/** A new Petstore delivery of some topic. */
export function delivery(topic = 'pet.adopted', data: unknown = { pet: { id: 'pet_1' } }) {
  return petstore.request({ topic, data });
}

/** Sends a delivery once. */
export function send(address: string, request: SignedRequest): Promise<Answer> {
  return post(address, request, { timeoutMs: 60_000 });
}

/** The environment of a Hookline that takes Petstore's deliveries and hands them to the handlers of a folder. */
export function environmentOf(store: TestStore, handlers: string): Record<string, string> {
  return {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    HANDLERS_DIR: handlers,
    LOG_LEVEL: 'info',
    ...petstore.environment,
  };
}

/** How many jobs of Petstore there are for each webhook id, by their keys in Redis; ids begin with `evt_`. */
export async function countJobs({ url, prefix }: TestStore): Promise<Map<string, number>> {
  const redis = new Redis(url);
  try {
    const found = new Set<string>();
    const start = `${prefix}:petstore:`;
    // A scan may tell a key twice.
    const batches = redis.scanStream({ match: `${start}evt_*`, count: 1_000 }) as AsyncIterable<string[]>;
    for await (const keys of batches) for (const key of keys) found.add(key.slice(start.length));
    const jobs = [...found].filter((job) => !job.includes(':'));
    return countBy(jobs.map((job) => job.slice(0, job.lastIndexOf('~'))));
  } finally {
    redis.disconnect();
  }
}

/** Those of `wanted` that are not in `found`. */
export function missing(wanted: Iterable<string>, found: { has(id: string): boolean }): string[] {
  return [...wanted].filter((id) => !found.has(id));
}

export function moreThanOnce(counts: Map<string, number>): Array<[string, number]> {
  return [...counts].filter(([, count]) => count > 1);
}

export interface Ended {
  /** The exit code, or the signal's name. */
  exit: number | string;
  stdout: string;
  stderr: string;
}

/** Runs one of the built programs to its end, with no environment but this and PATH. */
export async function run(
  t: Test,
  script: string,
  args: string[],
  environment: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(ENV, [...BARE_NODE, path.resolve(script), ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 100_000);
  t.teardown(() => void (child.exitCode === null && child.kill('SIGKILL')));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(limit);
  return { exit: code ?? signal ?? '', stdout, stderr };
}

/** The exit of a process, or `still running` after the limit in milliseconds. */
export async function exitWithin(exited: Promise<number | string>, limit = 60_000): Promise<number | string> {
  const stop = new AbortController();
  const late = sleep(limit, 'still running', { signal: stop.signal }).catch(() => '');
  try {
    return await Promise.race([exited, late]);
  } finally {
    stop.abort();
  }
}

/** Waits for the end of a process; answers its exit and whether anything ever listened on a port until then. */
export async function endAndListening(
  { exited }: HooklineProcess,
  port: number,
): Promise<{ exit: number | string; listened: boolean }> {
  const ended = new AbortController();
  const exit = exitWithin(exited).finally(() => ended.abort());
  let listened = false;
  while (!ended.signal.aborted) {
    listened ||= await listens(port);
    await sleep(5);
  }
  return { exit: await exit, listened };
}

/** A line of a stack trace, which is no use to whoever only mistyped something. */
export const STACK = /^\s+at .*:\d+:\d+\)?$/m;
