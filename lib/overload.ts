import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Log } from './log.js';

export interface OverloadOptions {
  /** Deliveries that are worked on at once at most. */
  maxInFlight: number;
  /** Milliseconds that the event loop may be late. */
  maxLoopDelay: number;
  /** Bytes of this process (resident set) from which on it takes less. */
  maxMemory: number | undefined;
  log: Log;
}

/**
 * Why a delivery is turned away: `in-flight`, or what of the process' own state has lowered that limit; `waited`, when it
 * was not read for a while for the same reasons.
 */
export type ShedCause = (typeof SHED_CAUSES)[number];
export const SHED_CAUSES = ['in-flight', 'event-loop', 'memory', 'queue-depth', 'waited'] as const;

/** Milliseconds. */
const SAMPLE_EVERY = 250;
const RESOLUTION = 10;
/** Without a delivery turned away for so long, the overload is over. */
const CALM = 2_000;
/** Without the limit reached for so long, there is room. */
const ROOM = 250;
/** Milliseconds that a turn of the event loop shall last while deliveries are turned away: what is in hand takes several. */
const TURN = 7;
/**
 * Connections that rest, up to which turns lower nothing: so few could be taken soon, and those who come again at once
 * would keep the limit low for good where turns are long for other reasons, or at the receiver's capacity.
 */
const FEW = 256;
/** What overload leaves of the limit at each sample, and what calm adds. */
const SHRINK = 0.7;
const GROW = 1.3;
/** The same at the least and at the most where turns of the event loop are too long, or short. */
const BY_TURNS = [0.3, 1.1] as const;
/** So many at once make no event loop late: it is late for other reasons then, which shedding would not mend. */
const LEAST = 50;

/**
 * Bounds what is in hand at once. Late turns of the event loop, or too much memory, lower the limit at each sample, and
 * it grows again by itself: so the process settles where answers come in time. It never comes to nothing, as memory is
 * only given back by a process that goes on.
 */
export class Overload {
  readonly #options: OverloadOptions;
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  readonly #sampling: NodeJS.Timeout;
  #inFlight = 0;
  #peak = 0;
  #limit: number;
  #loweredBy: ShedCause = 'in-flight';
  #since: number | undefined;
  #lastAt = 0;
  #shed = 0;
  #fullAt = -Infinity;
  #turns = { count: 0, milliseconds: 0 };

  constructor(options: OverloadOptions) {
    this.#options = options;
    this.#limit = options.maxInFlight;
    this.#delay.enable();
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_EVERY);
    this.#sampling.unref();
  }

  /** Why no delivery is taken just now; `undefined` while one is. */
  get cause(): ShedCause | undefined {
    return this.#inFlight >= this.#limit ? this.#loweredBy : undefined;
  }

  /** Takes a delivery in hand, until `leave`. */
  enter(): void {
    this.#inFlight += 1;
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight;
  }

  leave(): void {
    this.#inFlight -= 1;
  }

  /** Was a delivery turned away a moment ago because too many are in hand? */
  get wasFull(): boolean {
    return performance.now() - this.#fullAt < ROOM;
  }

  /** A turn of the event loop in which deliveries are turned away, and so many connections rest. */
  noteTurn(milliseconds: number, resting: number): void {
    if (resting <= FEW) return;
    this.#turns.count += 1;
    this.#turns.milliseconds += milliseconds;
  }

  /** One line when deliveries begin to be turned away, one when that is over. */
  noteShed(cause: ShedCause): void {
    this.#shed += 1;
    this.#lastAt = performance.now();
    // Neither says that too many are in hand: connections that rest for these would rest for as long as they are told.
    if (cause !== 'waited' && cause !== 'queue-depth') this.#fullAt = this.#lastAt;
    if (this.#since !== undefined) return;
    this.#since = this.#lastAt;
    this.#options.log.warn({ cause }, 'too much at once: deliveries are told to come again');
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  close(): void {
    clearInterval(this.#sampling);
    this.#delay.disable();
  }

  #sample(): void {
    const { maxLoopDelay, maxMemory } = this.#options;
    const late = this.#delay.percentile(90) / 1e6 - RESOLUTION;
    this.#delay.reset();
    if (maxMemory !== undefined && process.memoryUsage.rss() > maxMemory) this.#lower('memory', SHRINK);
    else if (late > maxLoopDelay) this.#lower('event-loop', SHRINK);
    else if (this.#turns.count > 0) this.#keepTurnsShort(this.#turns);
    else this.#raise(GROW);
    this.#peak = this.#inFlight;
    this.#turns = { count: 0, milliseconds: 0 };
    this.#tellEnd();
  }

  #keepTurnsShort({ count, milliseconds }: { count: number; milliseconds: number }): void {
    const [least, most] = BY_TURNS;
    const factor = Math.min(most, Math.max(least, (TURN * count) / milliseconds));
    if (factor < 1) this.#lower('event-loop', factor);
    else this.#raise(factor);
  }

  /** From what there was: a limit far above it would take many samples to be felt. */
  #lower(cause: ShedCause, factor: number): void {
    const { maxInFlight } = this.#options;
    const least = cause === 'memory' ? 1 : Math.min(LEAST, maxInFlight);
    this.#limit = Math.max(least, Math.min(this.#limit, this.#peak) * factor);
    if (this.#limit < maxInFlight) this.#loweredBy = cause;
  }

  #raise(factor: number): void {
    const { maxInFlight } = this.#options;
    this.#limit = Math.min(maxInFlight, this.#limit * factor + 1);
    if (this.#limit === maxInFlight) this.#loweredBy = 'in-flight';
  }

  #tellEnd(): void {
    if (this.#since === undefined || performance.now() - this.#lastAt < CALM) return;
    const seconds = Math.round((this.#lastAt - this.#since) / 1_000);
    this.#options.log.info({ shed: this.#shed, seconds }, 'all deliveries are taken again');
    this.#since = undefined;
    this.#shed = 0;
  }
}
