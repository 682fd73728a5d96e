import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';

/**
 * First words of the errors with which Redis refuses whatever comes, and not this very command. Of what a script was refused
 * Redis 6 says so behind the line it was in: `ERR Error running script (call to f_…): @user_script:28: … 28: -READONLY …`.
 * What the ACL user may not do has no code of its own in a script.
 */
const NOT_NOW =
  /^(?:ERR Error running script .*: -)?(?:READONLY|OOM|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|UNKILLABLE|EXECABORT|NOAUTH|WRONGPASS|NOPERM|NOSCRIPT)\b|^ERR (?:Error running script .*: )?(?:The user executing the script can't |ACL failure in script: )|max number of clients/;

/** Was a command refused for Redis' own sake, so that the same one may be taken later? */
export function isRefusedForNow(error: unknown): boolean {
  return error instanceof Error && NOT_NOW.test(error.message);
}

/** Milliseconds between tries. */
const TRY_AGAIN = 500;

/** For how long to wait for Redis, and where to say so. */
export interface Patience {
  /** Aborted when it can be waited for no longer. */
  stop: AbortSignal;
  log: Log;
}

/**
 * The same, done again for as long as Redis refuses it for its own sake: for what has happened, and would happen again if it
 * were not written down or not read. What is returned throws what else goes wrong, and at a stop what Redis said last.
 */
export function untilTaken<Args extends unknown[], Result>(
  command: (...args: Args) => Promise<Result>,
  { stop, log }: Patience,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await command(...args);
      } catch (error) {
        if (!isRefusedForNow(error) || stop.aborted) throw error;
        if (tries === 1)
          log.warn({ reason: (error as Error).message }, 'Redis refuses commands; trying again');
      }
      await sleep(TRY_AGAIN, undefined, { ref: false, signal: stop }).catch(() => {});
    }
  };
}
