import { HooklineError } from '../errors.js';
import type { Log } from '../log.js';
import { runSession } from './bulk.js';
import type { Session } from './sessions.js';
import type { DeliveryStore } from './store.js';

/** Sessions that one process runs at once. */
const MAX_SESSIONS = 3;

/** Runs sessions in the background. Closing it stops them where they are; they can be resumed anywhere. */
export class SessionRunner {
  readonly #store: DeliveryStore;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(store: DeliveryStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** @throws {HooklineError} when as many run as may */
  requireRoom(): void {
    if (this.#running.size >= MAX_SESSIONS) throw new HooklineError('HKL_ERR_TOO_MANY_SESSIONS');
  }

  start(session: Session): void {
    const running = this.#run(session).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async #run(session: Session): Promise<void> {
    const { id, action } = session;
    try {
      const ending = await runSession(this.#store, session, { signal: this.#stop.signal });
      this.#log.info({ session: id, action, ending }, 'session ended');
    } catch (error) {
      const { message } = error as Error;
      this.#log.error({ session: id, action, err: { message } }, 'session broke off; it can be resumed');
    }
  }
}
