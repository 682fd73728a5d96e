/** A Hookline from the built code for long runs: its log is counted rather than kept, and its memory can be asked. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Owner } from './owner.js';

export interface Watched {
  child: ChildProcess;
  /** `http://127.0.0.1:<port>` */
  address: string;
  /** Lines of the log by level, such as `{ 30: 17 }`; `broken` counts lines that are no JSON of one line. */
  levels: Record<string, number>;
  /** The first lines at error and above that are no outcome of a delivery, broken ones, and stderr. */
  trouble: string[];
  /** Bytes of memory that the process has just now. */
  memory(): Promise<number>;
  /** Seconds of processor time that it has used so far. */
  processorTime(): Promise<number>;
  stop(): Promise<void>;
}

const ERROR = 50;
const KEPT = 20;
const PAGE = 4_096;
/** Of processor time, in a second. */
const TICKS = 100;

/** @param onLine gets every line of the log as it stands. @throws when it does not come up */
export async function startWatched(
  owner: Owner,
  environment: Record<string, string>,
  onLine: (line: string) => void = () => {},
): Promise<Watched> {
  const child = spawn(process.execPath, ['--enable-source-maps', path.resolve('dist/server.js')], {
    env: { PATH: process.env['PATH'], PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const levels: Watched['levels'] = {};
  const trouble: string[] = [];
  const up: { at?: string } = {};
  const read = (line: string) => {
    onLine(line);
    const { level, msg, address: at, outcome } = parse(line);
    levels[level] = (levels[level] ?? 0) + 1;
    if (msg === 'hookline is up') up.at = at ?? '';
    // What became of a delivery has an outcome, and may be an error that an operator has to mend.
    const troubling = level === 'broken' || (Number(level) >= ERROR && outcome === undefined);
    if (troubling && trouble.length < KEPT) trouble.push(line);
  };
  onLines(child.stdout, read);
  onLines(child.stderr, (line) => {
    onLine(line);
    if (trouble.length < KEPT) trouble.push(line);
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  owner.teardown(stop);
  for (const end = Date.now() + 30_000; up.at === undefined; await sleep(20)) {
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`it did not come up: ${trouble.join('\n')}`);
  }
  const memory = async () => {
    const [, resident] = (await readFile(`/proc/${child.pid}/statm`, 'utf8')).split(' ');
    return Number(resident) * PAGE;
  };
  const processorTime = async () => {
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  };
  return { child, address: up.at, levels, trouble, memory, processorTime, stop };
}

function onLines(stream: NodeJS.ReadableStream, read: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(read);
  });
}

interface LogLine {
  level: string | number;
  msg?: string | undefined;
  address?: string | undefined;
  outcome?: string | undefined;
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'broken' };
  }
}
