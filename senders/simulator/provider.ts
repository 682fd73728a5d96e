/** A provider at work: every event by its schedule, until it is delivered or the endpoint is blocked. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gate, inPace, type Pace } from '../traffic/pace.js';
import { Tally, type TallySummary } from '../traffic/tally.js';
import type { Attempt } from '../traffic/attempt.js';
import { judge, type RetrySchedule } from './schedules.js';

/** One event, which can be sent as often as it takes. */
export interface SimulatedEvent {
  id: string;
  send(): Promise<Attempt>;
}

export interface SimulationOptions extends Pace {
  schedule: RetrySchedule;
  /** Pauses are divided by this; time-outs are not. */
  speed: number;
  outOfOrder: boolean;
  /** Share of the events that are sent once more after they were delivered. */
  duplicates: number;
  /** Told after each event has ended, and before the first. */
  onProgress?: (ended: number, blocked: boolean) => void;
  /** Called once, when half of the events have been started. */
  atHalf?: () => Promise<void>;
}

/** What the provider believes of an event. `withheld`: never (fully) tried, as the endpoint was blocked. */
export type EventOutcome = 'delivered' | 'refused' | 'given-up' | 'withheld';

export interface EventRecord {
  id: string;
  outcome: EventOutcome;
  tries: number;
  /** What each exchange came to, duplicates included. */
  answers: string[];
}

export interface Simulation extends TallySummary {
  events: EventRecord[];
  duplicatesSent: number;
  /** Which event used up its tries first, and with which answer; `null` while the endpoint is not blocked. */
  blockedBy: { id: string; answer: string } | null;
}

/** How far an event may fall behind those that came after it. */
const SHUFFLE = 25;
/** A duplicate comes at most this much later (milliseconds, before `speed`). */
const DUPLICATE_DELAY = 60_000;

/** Sends the events in order of time, or nearly so, at the pace asked for. Never throws for what the receiver does. */
export async function simulate(
  events: readonly SimulatedEvent[],
  options: SimulationOptions,
): Promise<Simulation> {
  const provider = new Provider(options);
  const ordered = options.outOfOrder ? shuffled(events) : events;
  const half = Math.floor(events.length / 2);
  const deliveries: Promise<void>[] = [];
  options.onProgress?.(0, false);
  // Every event that waits for its next try listens.
  if (options.signal) setMaxListeners(0, options.signal);
  // Starting an event is what the pace is about: its tries may last for hours.
  await inPace(ordered.length, { ...options, concurrency: 1 }, async (index) => {
    const event = ordered[index];
    if (index === half) await options.atHalf?.();
    if (event) deliveries.push(provider.deliver(event, isPicked(index, options.duplicates)));
    await provider.room();
  });
  await Promise.all(deliveries);
  return provider.result();
}

class Provider {
  readonly #options: SimulationOptions;
  readonly #gate: Gate;
  readonly #tally = new Tally();
  readonly #records: EventRecord[] = [];
  #ended = 0;
  #duplicatesSent = 0;
  #blockedBy: Simulation['blockedBy'] = null;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#gate = new Gate(options.concurrency);
  }

  /** Waits while as many exchanges are under way as may be. */
  async room(): Promise<void> {
    await this.#gate.through(async () => {});
  }

  async deliver(event: SimulatedEvent, twice: boolean): Promise<void> {
    const record: EventRecord = { id: event.id, outcome: 'withheld', tries: 0, answers: [] };
    this.#records.push(record);
    record.outcome = await this.#try(event, record);
    this.#ended += 1;
    this.#options.onProgress?.(this.#ended, this.#blockedBy !== null);
    if (twice && record.outcome === 'delivered') await this.#sendAgain(event, record);
  }

  async #try(event: SimulatedEvent, record: EventRecord): Promise<EventOutcome> {
    const { schedule } = this.#options;
    let last = '';
    for (const delay of schedule.delays) {
      await this.#pause(delay);
      if (this.#isOver()) return 'withheld';
      const { status, label } = await this.#exchange(event, record);
      record.tries += 1;
      last = label;
      const judgement = judge(schedule, status);
      if (judgement !== 'retry') return judgement;
    }
    this.#blockedBy ??= { id: event.id, answer: last };
    return 'given-up';
  }

  /** Providers deliver at least once: now and then, twice. */
  async #sendAgain(event: SimulatedEvent, record: EventRecord): Promise<void> {
    await this.#pause(Math.random() * DUPLICATE_DELAY);
    if (this.#isOver()) return;
    this.#duplicatesSent += 1;
    await this.#exchange(event, record);
  }

  async #exchange(event: SimulatedEvent, record: EventRecord): Promise<Attempt> {
    const attempt = await this.#gate.through(() => event.send());
    record.answers.push(attempt.label);
    this.#tally.add(attempt.label, attempt.milliseconds);
    return attempt;
  }

  #isOver(): boolean {
    return this.#blockedBy !== null || this.#options.signal?.aborted === true;
  }

  async #pause(delay: number): Promise<void> {
    if (delay === 0) return;
    const { signal, speed } = this.#options;
    await sleep(delay / speed, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
    });
  }

  result(): Simulation {
    return {
      events: this.#records,
      duplicatesSent: this.#duplicatesSent,
      blockedBy: this.#blockedBy,
      ...this.#tally.summary(),
    };
  }
}

/** Spread evenly over all events. */
function isPicked(index: number, share: number): boolean {
  return Math.round((index + 1) * share) > Math.round(index * share);
}

/** Each event up to `SHUFFLE` places from where it belongs. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item, index) => ({ item, place: index + Math.random() * SHUFFLE }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
