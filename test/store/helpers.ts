import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Log } from '../../lib/log.js';
import { readRecord } from '../../lib/store/store-record.js';
import { signal } from '../../lib/store/processes.js';
import { BARE_NODE, ENV } from '../support/bare-node.js';

export interface Line {
  level: string;
  message: string;
  fields: object;
}

/** A log that remembers its lines. */
export function recordingLog(): Log & { lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields });
  const log = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (): Log => log,
  };
  return log;
}

/** Adds a job and lets a worker do it. */
export async function roundTrip(url: string, data: object): Promise<unknown> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue('round-trip', { connection });
  const worker = new Worker('round-trip', async (job) => job.data as unknown, { connection });
  try {
    const completed = once(worker, 'completed');
    await queue.add('one', data);
    const [, result] = (await completed) as [unknown, unknown];
    return result;
  } finally {
    await worker.close();
    await queue.close();
    connection.disconnect();
  }
}

/** Runs one command on a connection of its own. */
export async function ask(url: string, command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

export interface Owner {
  process: ChildProcess;
  url: string;
  kind: string;
  /** Everything it printed so far. */
  output: { stdout: string; stderr: string };
  /** Lets it close its store and end. */
  end(): Promise<void>;
}

/** Opens a store in a process of its own; see `owner.ts`. Its end is its standard input's. */
export async function startOwner(
  dataDir: string,
  kind = 'auto',
  env: NodeJS.ProcessEnv = process.env,
): Promise<Owner> {
  const program = fileURLToPath(new URL('./owner.ts', import.meta.url));
  const child = spawn(ENV, [...BARE_NODE, '--import', import.meta.resolve('tsx'), program, dataDir, kind], {
    env,
    stdio: 'pipe',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (output.stdout += String(text)));
  child.stderr.on('data', (text) => (output.stderr += String(text)));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [''])])) as [
    string,
  ];
  if (line === '') throw new Error(`The owner ended: ${output.stderr}`);
  const { url, kind: opened } = JSON.parse(line) as { url: string; kind: string };
  return {
    process: child,
    url,
    kind: opened,
    output,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

/** Kills a process the hard way and waits for its end. */
export async function killHard(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** For teardown: ends a server that a failed test left behind. */
export async function endLeftOver(dataDir: string): Promise<void> {
  const record = await readRecord(dataDir);
  if (record?.storePid !== undefined) signal(record.storePid, 'SIGKILL');
}

/** @returns the id of a process that has ended */
export async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}
