import { execFile, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Log } from '../log.js';
import { endProcess, isAlive, signal } from './processes.js';
import { probe } from './probe.js';
import { ENDED, PortTakenError } from './store-server.js';
import type { StoreServer } from './store-server.js';

/** Milliseconds for a first sign of life, and for reading the append-only file after it. */
const START_MS = 10_000;
const LOADING_MS = 60_000;
/** Milliseconds for writing out and ending. */
const STOP_MS = 5_000;
const KEPT_LINES = 20;

/** @returns the name of the server program on PATH that runs, `redis-server` before `valkey-server` */
export async function findRedisProgram(): Promise<string | undefined> {
  for (const program of ['redis-server', 'valkey-server']) {
    try {
      await promisify(execFile)(program, ['--version'], { timeout: 5_000 });
      return program;
    } catch {
      // Not installed, or not able to run: the next one.
    }
  }
  return undefined;
}

/** Starts `program` at `url`'s port with its data in `dir`, an absolute path. */
export function spawnRedis(options: { program: string; dir: string; url: string; log: Log }): StoreServer {
  const { program, dir, url, log } = options;
  // In a process group of its own: Ctrl-C in a terminal reaches Hookline only, which then ends the store in order.
  const child = spawn(program, ['-'], { detached: true, stdio: 'pipe' });
  const lines: string[] = [];
  let state: 'starting' | 'up' | 'stopping' = 'starting';
  let ended: string | undefined;

  const onEnd = (how: string): void => {
    ended ??= how;
    process.off('exit', atExit);
    if (state === 'up') log.error({ how, lastLines: lines }, ENDED);
  };
  const onLine = keepLines(lines, (line, isWarning) => {
    if (isWarning && state === 'up') log.warn({ line }, `${program} warns`);
    else log.debug({ line }, program);
  });
  const atExit = (): void => {
    if (child.pid !== undefined) signal(child.pid, 'SIGTERM');
  };

  process.once('exit', atExit);
  child.once('error', (error) => onEnd(error.message));
  child.once('close', (code, killedBy) =>
    onEnd(killedBy ? `ended by ${killedBy}` : `ended with exit code ${code}`),
  );
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', onLine);
    // The store alone keeps no process running; see `atExit`.
    if (output instanceof Socket) output.unref();
  }
  child.unref();
  child.stdin.on('error', () => {});
  child.stdin.end(configuration(dir, url));

  const failure = (what: string): Error =>
    /address already in use/i.test(lines.join('\n'))
      ? new PortTakenError(what)
      : new Error(
          `The embedded store could not start: ${program} ${what}. If its file is damaged, repair it with ` +
            `redis-check-aof --fix, or move ${dir} away to begin with an empty store; or set REDIS_URL to use ` +
            `a Redis of your own. Its last lines:\n${lines.join('\n')}`,
        );

  return {
    pid: child.pid,
    async ready() {
      const started = Date.now();
      let limit = START_MS;
      for (;;) {
        if (ended !== undefined) throw failure(ended);
        const found = await probe(url);
        if (found === 'up') break;
        if (found !== 'gone') limit = LOADING_MS;
        if (Date.now() - started > limit) throw failure(`did not answer within ${limit / 1_000} s`);
        await sleep(20);
      }
      state = 'up';
    },
    async stop() {
      state = 'stopping';
      process.off('exit', atExit);
      if (child.pid !== undefined && ended === undefined) await endProcess(child.pid, { graceMs: STOP_MS });
    },
  };
}

/** Takes responsibility for a running server whose owner was killed. */
export function adoptRedis(pid: number, url: string, log: Log): Pick<StoreServer, 'stop'> {
  // Redis closes its port once everything is written.
  const hasEnded = async (): Promise<boolean> => (await probe(url)) === 'gone';
  const atExit = (): void => signal(pid, 'SIGTERM');
  let watching = true;
  const look = async (): Promise<void> => {
    const ended = !isAlive(pid) || (await hasEnded());
    if (!ended || !watching) return;
    forget();
    log.error({ pid }, ENDED);
  };
  const watch = setInterval(() => void look(), 1_000).unref();
  const forget = (): void => {
    watching = false;
    clearInterval(watch);
    process.off('exit', atExit);
  };
  process.once('exit', atExit);
  return {
    async stop() {
      forget();
      await endProcess(pid, { graceMs: STOP_MS, hasEnded });
    },
  };
}

/** Handed over on standard input: a password on the command line is seen by every user of the machine. */
function configuration(dir: string, url: string): string {
  const { port, password } = new URL(url);
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(dir)}`,
    'appendonly yes',
    'appendfsync everysec',
    // An event takes about 2 kB: with Redis' own 64 MB the file is written anew for all of a peak, beside the receiver.
    'auto-aof-rewrite-min-size 256mb',
    'maxmemory-policy noeviction',
    'save ""',
    'daemonize no',
    '',
  ].join('\n');
}

/** Keeps the last lines of output, without a crash report: that one shows the data of the last commands. */
function keepLines(
  lines: string[],
  onLine: (line: string, isWarning: boolean) => void,
): (line: string) => void {
  let muted = false;
  return (line) => {
    muted ||= line.includes('BUG REPORT START');
    if (muted) return;
    lines.push(line.slice(0, 500));
    if (lines.length > KEPT_LINES) lines.shift();
    onLine(line, /^\d+:\w .* # /.test(line));
  };
}
