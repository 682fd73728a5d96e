import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A server under load, in a process of its own. */
export interface Subject {
  port: number;
  /** Seconds of processor time that the process has used so far; NaN where that cannot be told. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const READY = 15_000;
const TICKS_PER_SECOND = 100;

/** Starts one of the controls in `servers/`, which tells its port by message. */
export async function startControl(name: string, environment: Record<string, string>): Promise<Subject> {
  const child = start(new URL(`./servers/${name}.js`, import.meta.url), environment);
  const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(READY) })) as [
    { port: number },
  ];
  return subject(child, message.port);
}

/** Starts Hookline itself as `npm start` does, on a port that was free a moment ago. */
export async function startHookline(environment: Record<string, string>): Promise<Subject> {
  const port = await freePort();
  const child = start(new URL('../server.js', import.meta.url), {
    PORT: String(port),
    ROLE: 'receiver',
    ...environment,
  });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString().slice(0, 10_000)));
  for (const end = Date.now() + READY; ; await sleep(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    if (answer?.ok) return subject(child, port);
    if (Date.now() > end || child.exitCode !== null) throw new Error(`Hookline did not come up: ${errors}`);
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

function start(script: URL, environment: Record<string, string>): ChildProcess {
  return fork(fileURLToPath(script), {
    env: { NODE_ENV: 'development', ...environment },
    // What is logged is written, and read by nobody: to read it would cost the load generator.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

function subject(child: ChildProcess, port: number): Subject {
  // Read on, or a full pipe would stop the process.
  child.stderr?.resume();
  return {
    port,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
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
