/**
 * The parent of the processes on one port: it starts them, puts another in the place of one that died, and ends them
 * in order. It hands connections out in turn and does nothing else: docs/decisions/0018-processes-on-one-port.md.
 */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Log } from '../log.js';
import type { MemberRole } from './member.js';
import type { ToParent } from './messages.js';
import { Switchboard } from './switchboard.js';

/** Milliseconds between a death and the next try; each death soon after a start doubles it. */
const RESTART = { least: 1_000, most: 60_000 };
/** Milliseconds after which a process has proved itself. */
const PROVED = 60_000;

export interface SupervisorOptions {
  receivers: number;
  /** Is there one that works, besides? */
  works: boolean;
  log: Log;
  /** Milliseconds after which a process that does not end is killed. */
  endWithin: number;
}

/** A process could not start. It has said why, unless it was killed. */
export class StartError extends Error {
  override name = 'StartError';
  /** Has the process itself told the reason? */
  readonly said: boolean;

  constructor(name: string, exit: number | string) {
    super(`${name} ended before it was up (${exit})`);
    this.said = typeof exit === 'number' && exit !== 0;
  }
}

/** The place of one process. */
interface Place {
  role: MemberRole;
  name: string;
  /** Deaths in a row that came soon after the start. */
  deaths: number;
  worker?: Worker;
  restarting?: NodeJS.Timeout;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #places: Place[];
  readonly #switchboard = new Switchboard();
  #closing = false;
  /** `http://host:port` of the receivers. */
  address: string | undefined;

  /**
   * Starts one process after the other, so that what keeps all of them from starting is said once. The one that works
   * comes first: nothing listens while its handlers are not known to be sound.
   * @throws {StartError}
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    // Shared out by the kernel, kept connections gather in one process: whoever is awake takes all that come.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    const supervisor = new Supervisor(options);
    try {
      for (const place of supervisor.#places) supervisor.address = await supervisor.#start(place);
    } catch (error) {
      await supervisor.close().catch(() => {});
      throw error;
    }
    return supervisor;
  }

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    const receivers = Array.from({ length: options.receivers }, (_, index) => `receiver-${index + 1}`);
    this.#places = [
      ...(options.works ? [{ role: 'worker' as const, name: 'worker', deaths: 0 }] : []),
      ...receivers.map((name): Place => ({ role: 'receiver', name, deaths: 0 })),
    ];
  }

  /** Process ids by name. */
  get pids(): Record<string, number | undefined> {
    return Object.fromEntries(this.#places.map(({ name, worker }) => [name, worker?.process.pid]));
  }

  /** Has every process read its secrets again. */
  reload(): void {
    for (const { worker } of this.#places) worker?.process.kill('SIGHUP');
  }

  /**
   * Ends all processes, each in order.
   * @throws when one of them could not
   */
  async close(): Promise<void> {
    this.#closing = true;
    const exits = await Promise.all(this.#places.map((place) => this.#end(place)));
    const failed = exits.filter((exit) => exit !== 0);
    if (failed.length > 0) throw new Error(`processes ended with ${failed.join(', ')}`);
  }

  /** Resolves with the address when the process is up. @throws {StartError} */
  async #start(place: Place): Promise<string | undefined> {
    cluster.setupPrimary({ args: [place.role, place.name] });
    const worker = cluster.fork();
    place.worker = worker;
    const startedAt = Date.now();
    const gone = once(worker, 'exit') as Promise<[code: number | null, signal: string | null]>;
    const up = new Promise<string | undefined>((resolve) => {
      worker.on('message', (message: ToParent) => message.is === 'up' && resolve(message.address));
    });
    const left = gone.finally(() => delete place.worker);
    const died = left.then(([code, signal]) => {
      throw new StartError(place.name, code ?? signal ?? '');
    });
    const address = await Promise.race([up, died]);
    this.#switchboard.connect(worker);
    void died.catch(() => this.#replace(place, worker, Date.now() - startedAt));
    return address;
  }

  #replace(place: Place, { process: { pid, exitCode, signalCode } }: Worker, lived: number): void {
    if (this.#closing) return;
    const exit = exitCode ?? signalCode;
    this.#options.log.error({ process: place.name, pid, exit }, 'a process died; another takes its place');
    this.#restart(place, lived);
  }

  #restart(place: Place, lived: number): void {
    place.deaths = lived < PROVED ? place.deaths + 1 : 1;
    const delay = Math.min(RESTART.most, RESTART.least * 2 ** (place.deaths - 1));
    place.restarting = setTimeout(() => void this.#startAgain(place), delay);
  }

  async #startAgain(place: Place): Promise<void> {
    try {
      await this.#start(place);
      this.#options.log.info({ process: place.name, pid: place.worker?.process.pid }, 'the process is up');
    } catch (error) {
      // The others go on; whatever is wrong now, they have started with it.
      if (this.#closing) return;
      this.#options.log.error(
        { process: place.name, reason: (error as Error).message },
        'the process did not start; trying again',
      );
      this.#restart(place, 0);
    }
  }

  /** The exit code, or the signal's name, of one place's process; 0 where there is none. */
  async #end({ worker, restarting }: Place): Promise<number | string> {
    clearTimeout(restarting);
    if (!worker) return 0;
    const gone = once(worker, 'exit') as Promise<[code: number | null, signal: string | null]>;
    worker.process.kill('SIGTERM');
    const late = setTimeout(() => worker.process.kill('SIGKILL'), this.#options.endWithin);
    const [code, signal] = await gone;
    clearTimeout(late);
    // SIGTERM only ends one that was not up yet.
    return code ?? (signal === 'SIGTERM' ? 0 : (signal ?? ''));
  }
}
