/** What became of events, by the receiver's own word: `GET /admin/api/deliveries/<source>/<id>`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inPace } from '../traffic/pace.js';

export interface ReceiverOptions {
  /** `http://127.0.0.1:3000` */
  url: string;
  credentials?: { user: string; password: string } | undefined;
  /** Milliseconds to wait for events that are still in hand; starts anew with each one that ends. */
  settleMs: number;
  /** Was this id answered 200? Then it must turn up, though it may be in the receiver's spool for a while. */
  isTaken: (id: string) => boolean;
  signal?: AbortSignal | undefined;
  onProgress?: (ended: number) => void;
}

/** `unknown`: the receiver has never heard of it. */
export type Fate = {
  state: 'completed' | 'failed' | 'pending' | 'unknown';
  reason: string | null;
  attempts: number;
};

/** The receiver cannot be asked; the message says what to do. */
export class ReceiverError extends Error {
  override name = 'ReceiverError';
}

const TIMEOUT = 5_000;
const CONCURRENCY = 16;
const POLL = 250;

/**
 * Follows events until each has ended, or nothing has changed for `settleMs`.
 * @throws {ReceiverError} when the receiver does not let us look, or does not answer for all that time
 */
export async function follow(
  source: string,
  ids: string[],
  options: ReceiverOptions,
): Promise<Map<string, Fate>> {
  const fates = new Map<string, Fate>();
  let open = ids;
  let until = Date.now() + options.settleMs;
  for (;;) {
    let failure: unknown;
    await inPace(open.length, { concurrency: CONCURRENCY, signal: options.signal }, async (index) => {
      const id = open[index] ?? '';
      try {
        fates.set(id, await ask(source, id, options));
      } catch (error) {
        if (error instanceof ReceiverError) throw error;
        failure = error;
      }
    });
    const left = open.filter((id) => !hasEnded(fates.get(id)?.state, options.isTaken(id)));
    if (left.length < open.length) until = Date.now() + options.settleMs;
    open = left;
    options.onProgress?.(ids.length - open.length);
    if (open.length === 0) return fates;
    if (Date.now() > until || options.signal?.aborted === true) {
      if (failure === undefined || fates.size === ids.length) return fates;
      throw new ReceiverError(
        `The receiver at ${options.url} does not answer: what became of the events is not known.`,
      );
    }
    await sleep(POLL);
  }
}

/** What was not answered 200 and is not known will not turn up: nothing of it was stored. */
function hasEnded(state: Fate['state'] | undefined, isTaken: boolean): boolean {
  if (state === 'unknown') return !isTaken;
  return state !== undefined && state !== 'pending';
}

async function ask(source: string, id: string, { url, credentials }: ReceiverOptions): Promise<Fate> {
  const path = `/admin/api/deliveries/${source}/${encodeURIComponent(id)}`;
  const response = await fetch(url + path, {
    signal: AbortSignal.timeout(TIMEOUT),
    redirect: 'manual',
    headers: credentials ? { authorization: basic(credentials) } : {},
  });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.status === 200) return read(body);
  // The code and not the status alone: a guarded /admin is a 404 too, and must not be taken for a loss.
  if (response.status === 404 && body['code'] === 'HKL_ERR_UNKNOWN_DELIVERY') {
    return { state: 'unknown', reason: null, attempts: 0 };
  }
  if (response.status >= 500) throw new Error(`the receiver answered ${response.status}`);
  throw new ReceiverError(
    `The receiver's admin API cannot be used (${response.status}): what became of the events is not known. Give --admin-user and --admin-password, and --admin-url where it is served elsewhere.`,
  );
}

function read({ state, failedReason, attemptsMade }: Record<string, unknown>): Fate {
  return {
    state: state === 'completed' || state === 'failed' ? state : 'pending',
    reason: typeof failedReason === 'string' ? failedReason : null,
    attempts: typeof attemptsMade === 'number' ? attemptsMade : 0,
  };
}

function basic({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
