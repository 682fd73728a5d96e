import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A server or a worker under load, in a process of its own. */
export interface Subject {
  port: number;
  /** Seconds of processor time that the process and its own have used so far; NaN where that cannot be told. */
  cpuSeconds(): number;
  /** Bytes of memory that the process has now; NaN where that cannot be told. */
  memoryBytes(): number;
  /** The next message of the process. */
  message<Message>(): Promise<Message>;
  send(message: object): void;
  stop(): Promise<void>;
}

const READY = 15_000;
const ANSWER = 60_000;
const TICKS_PER_SECOND = 100;

/** Whatever goes wrong, none is left behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts one of the controls in `servers/`, which tells its port by message. */
export async function startControl(name: string, environment: Record<string, string>): Promise<Subject> {
  const child = start(new URL(`./servers/${name}.js`, import.meta.url), environment);
  const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(READY) })) as [
    { port: number },
  ];
  return subject(child, message.port);
}

/** Starts Hookline itself as `npm start` does, on a port that was free a moment ago. */
export async function startHookline(
  role: 'receiver' | 'worker',
  environment: Record<string, string>,
): Promise<Subject> {
  const port = await freePort();
  const child = start(new URL('../server.js', import.meta.url), {
    [role === 'worker' ? 'WORKER_PORT' : 'PORT']: String(port),
    ROLE: role,
    LOG_LEVEL: 'warn',
    ...environment,
  });
  // One process has no others; of several, each is ready by itself.
  const several = Number(environment['RECEIVER_PROCESSES'] ?? 1);
  const health = role === 'worker' ? 'live' : 'ready';
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString().slice(0, 10_000)));
  for (const end = Date.now() + READY; ; await sleep(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/${health}`).catch(() => undefined);
    if (answer?.ok && (several === 1 || (await processesAt(port)) === several)) return subject(child, port);
    if (Date.now() > end || child.exitCode !== null) throw new Error(`Hookline did not come up: ${errors}`);
  }
}

/** How many processes take deliveries on a port: each tells a figure of its own. */
async function processesAt(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  return (await answer.text()).match(/^hookline_in_flight\{/gm)?.length ?? 0;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

function start(script: URL, environment: Record<string, string>): ChildProcess {
  const child = fork(fileURLToPath(script), {
    env: { NODE_ENV: 'development', ...environment },
    // What is logged is written, and read by nobody: to read it would cost the load generator.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function subject(child: ChildProcess, port: number): Subject {
  // Read on, or a full pipe would stop the process.
  child.stderr?.resume();
  return {
    port,
    cpuSeconds: () =>
      childrenOf(child.pid).reduce((sum, pid) => sum + cpuSecondsOf(pid), cpuSecondsOf(child.pid)),
    memoryBytes: () => memoryBytesOf(child.pid),
    async message<Message>() {
      const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(ANSWER) })) as [Message];
      return message;
    },
    send: (message) => void child.send(message),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** The processes that a process has started and that still run. Linux only. */
function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** User and system time of a process (proc(5), fields 14 and 15 of `stat`). Linux only. */
export function cpuSecondsOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return NaN;
  }
}

/** Resident memory (proc(5), `VmRSS` of `status`). Linux only. */
function memoryBytesOf(pid: number | undefined): number {
  try {
    const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return NaN;
  }
}
