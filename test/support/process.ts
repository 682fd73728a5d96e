/** A Hookline in a process of its own, from the built code, as `npm start` runs it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BARE_NODE, ENV } from './bare-node.js';
import type { Owner } from './store.js';

export interface HooklineProcess {
  child: ChildProcess;
  /** `http://127.0.0.1:<port>`; empty for a process that only works. */
  address: string;
  /** Every line logged so far, as parsed JSON; lines that are none are left out. */
  lines: Array<Record<string, unknown>>;
  stderr: () => string;
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>;
}

const SERVER = path.resolve('dist/server.js');

/** Spawns `node dist/server.js`, or another command; kills it with the test. Does not wait for it to be up. */
export function spawnHookline(
  t: Owner,
  environment: Record<string, string>,
  command: string[] = [SERVER],
): HooklineProcess {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'hookline-test-'));
  const child = spawn(ENV, [...BARE_NODE, ...command], {
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: dataDir, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  let rest = '';
  const lines: HooklineProcess['lines'] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith('{')) lines.push(JSON.parse(part) as Record<string, unknown>);
    }
  });
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { child, address: '', lines, stderr: () => stderr, exited };
}

/** Spawns a Hookline and waits until it says that it is up. @throws when it exits instead. */
export async function startHookline(
  t: Owner,
  environment: Record<string, string>,
  command?: string[],
): Promise<HooklineProcess> {
  const hookline = spawnHookline(t, environment, command);
  for (let waited = 0; waited < 30_000; waited += 20) {
    const up = hookline.lines.find(({ msg }) => msg === 'hookline is up');
    if (up)
      return Object.assign(hookline, { address: typeof up['address'] === 'string' ? up['address'] : '' });
    if (hookline.child.exitCode !== null) throw new Error(`it ended at start: ${hookline.stderr()}`);
    await sleep(20);
  }
  throw new Error(`it did not come up: ${hookline.stderr()}`);
}
