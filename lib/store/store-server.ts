/** A store that was started here: a process or a thread. */
export interface StoreServer {
  /** Its process, where it has one of its own. */
  pid: number | undefined;
  /**
   * Waits until it takes commands.
   * @throws {PortTakenError} when another program has its port
   * @throws when it ends first or takes too long, with what to do about it
   */
  ready(): Promise<void>;
  /** Ends it, within a deadline. */
  stop(): Promise<void>;
}

/** The chosen port was taken by another program in the meantime. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}

/** Logged when a running store ends by itself. */
export const ENDED =
  'The embedded store ended unexpectedly: deliveries are refused with 503 until Hookline is restarted.';
