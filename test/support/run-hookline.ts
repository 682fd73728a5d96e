/** The command line from the built code, in a process of its own, with no environment but the one given. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Test } from 'tap';
import { BARE_NODE, ENV } from './bare-node.js';

export interface CliResult {
  /** The exit code, or the signal's name. */
  exit: number | string;
  stdout: string;
  stderr: string;
}

const CLI = path.resolve('dist/cli/hookline.js');
const LIMIT = 100_000;

export interface CliOptions {
  env?: Record<string, string>;
  stdin?: string;
  cwd?: string;
}

/** Runs `hookline` to its end; kills it with the test. */
export async function runHookline(t: Test, args: string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawn(ENV, [...BARE_NODE, CLI, ...args], {
    env: { PATH: process.env['PATH'], ...options.env },
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  t.teardown(() => void (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // It may end without having read what it was given.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(limit);
  return { exit: code ?? signal ?? '', stdout, stderr };
}

/** Runs a command with `--json` and reads what it prints. */
export async function runJson<Output = Record<string, unknown>>(
  t: Test,
  args: string[],
  options: CliOptions = {},
): Promise<{ exit: number | string; json: Output; stderr: string; stdout: string }> {
  const { exit, stdout, stderr } = await runHookline(t, [...args, '--json'], options);
  try {
    return { exit, json: JSON.parse(stdout) as Output, stderr, stdout };
  } catch {
    throw new Error(`hookline ${args.join(' ')} printed no JSON (exit ${exit}): ${stdout}\n${stderr}`);
  }
}
