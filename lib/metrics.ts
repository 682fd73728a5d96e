import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import {
  ACKNOWLEDGEMENT_BUCKETS,
  HANDLED_BUCKETS,
  HANDLER_BUCKETS,
  LOOP_BUCKETS,
  WRITE_BUCKETS,
} from './buckets.js';
import { SHED_CAUSES } from './overload.js';
import type { Depths } from './queue/delivery-queue.js';
import { watchDepths, watchOldestWaiting, watchRedisMemory, watchValue } from './scraped.js';
import type { FetchOutcome } from './source.js';
import type { SpoolEvent, SpoolStatus } from './spool/spool.js';

/** What a delivery ended as, for the sender: the `outcome` label. */
export type DeliveryOutcome = (typeof OUTCOMES)[number];
const OUTCOMES = ['accepted', 'duplicate', 'spooled', 'refused', 'unavailable'] as const;

/**
 * prom-client's own that are left out: gauges named as counters, and the lag of the event loop since the last scrape,
 * which two Prometheus servers would take from each other.
 */
const LEFT_OUT = /^nodejs_(?:eventloop_lag_|active_\w+_total$)/;

/**
 * All metrics of one process. Labels are sources, outcomes and topics that have handlers: their number is bounded.
 * What is the process' own adds up over processes; what is asked of Redis is alike in all of them, and its help says so.
 */
export class Metrics {
  /** What is this process' own. */
  readonly registry = new Registry();
  /** What is asked of Redis. */
  readonly #store = new Registry();
  readonly contentType = this.registry.contentType;

  readonly #deliveries = new Counter({
    name: 'hookline_deliveries_total',
    help: 'Deliveries by source and outcome: accepted, duplicate, spooled, refused, unavailable.',
    labelNames: ['source', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly #refusals = new Counter({
    name: 'hookline_refusals_total',
    help: 'Deliveries that were refused, by source and cause.',
    labelNames: ['source', 'cause'] as const,
    registers: [this.registry],
  });

  readonly #acknowledgement = new Histogram({
    name: 'hookline_acknowledgement_seconds',
    help: 'Time from the request to our answer, by source.',
    labelNames: ['source'] as const,
    buckets: ACKNOWLEDGEMENT_BUCKETS,
    registers: [this.registry],
  });

  readonly #attempts = new Counter({
    name: 'hookline_handler_attempts_total',
    help: "Attempts by source, the handler's topic and outcome: completed, retried, failed, quarantined, returned.",
    labelNames: ['source', 'topic', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly #handlerSeconds = new Histogram({
    name: 'hookline_handler_seconds',
    help: "Duration of one attempt, by source and the handler's topic.",
    labelNames: ['source', 'topic'] as const,
    buckets: HANDLER_BUCKETS,
    registers: [this.registry],
  });

  readonly #handled = new Histogram({
    name: 'hookline_arrival_to_handled_seconds',
    help: 'Time from the arrival of an event to the end of the attempt that handled it, replays left out, by source.',
    labelNames: ['source'] as const,
    buckets: HANDLED_BUCKETS,
    registers: [this.registry],
  });

  readonly #stalled = new Counter({
    name: 'hookline_stalled_total',
    help: 'Jobs found without their worker, which died or hung, and given back to the queue, by source.',
    labelNames: ['source'] as const,
    registers: [this.registry],
  });

  readonly #keyFetches = new Counter({
    name: 'hookline_key_fetches_total',
    help: 'Fetches of key sets and signing certificates by source and outcome: ok, refused, failed.',
    labelNames: ['source', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly #acceptWrite = new Histogram({
    name: 'hookline_accept_write_seconds',
    help: 'Round trip to Redis of one write that accepts deliveries, many at once under load, by source and outcome.',
    labelNames: ['source', 'outcome'] as const,
    buckets: WRITE_BUCKETS,
    registers: [this.registry],
  });

  readonly #loopDelay = new Histogram({
    name: 'hookline_event_loop_delay_seconds',
    help: 'How late the event loop came to a timer, ten times a second.',
    buckets: LOOP_BUCKETS,
    registers: [this.registry],
  });

  readonly #shed = new Counter({
    name: 'hookline_shed_total',
    help: 'Deliveries that were told to come again before they were read, by cause.',
    labelNames: ['cause'] as const,
    registers: [this.registry],
  });

  readonly #spoolRecords = new Counter({
    name: 'hookline_spool_records_total',
    help: 'Deliveries in the spool by event: written, drained, refused, torn, damaged.',
    labelNames: ['event'] as const,
    registers: [this.registry],
  });

  readonly #spoolSync = new Histogram({
    name: 'hookline_spool_sync_seconds',
    help: 'Duration of one sync of the spool to the disk.',
    buckets: WRITE_BUCKETS,
    registers: [this.registry],
  });

  /** @param labels of everything that is the process' own */
  constructor(labels: Record<string, string> = {}) {
    this.registry.setDefaultLabels(labels);
    collectDefaultMetrics({ register: this.registry });
    for (const { name } of this.registry.getMetricsAsArray())
      if (LEFT_OUT.test(name)) this.registry.removeSingleMetric(name);
  }

  /** What is this process' own, in Prometheus' text format. */
  own(): Promise<string> {
    return this.registry.metrics();
  }

  /** What is asked of Redis, likewise; empty where nothing is. */
  asked(): Promise<string> {
    return this.#store.metrics();
  }

  /** Begins a source's counts at 0: a series that first appears with its first count hides that from `increase`. */
  openSource(source: string): void {
    for (const outcome of OUTCOMES) this.#deliveries.inc({ source, outcome }, 0);
    this.#acknowledgement.zero({ source });
    this.#acceptWrite.zero({ source, outcome: 'ok' });
  }

  /** Likewise what a worker counts of a source. */
  openQueue(source: string): void {
    this.#stalled.inc({ source }, 0);
  }

  /** `seconds` is the time to our answer. */
  delivery(source: string, outcome: DeliveryOutcome, seconds: number): void {
    this.#deliveries.inc({ source, outcome });
    this.#acknowledgement.observe({ source }, seconds);
  }

  refusal(source: string, cause: string): void {
    this.#refusals.inc({ source, cause });
  }

  /** `topic` is the handler's, not the event's: a sender cannot make new series. */
  attempt(source: string, topic: string, outcome: string, seconds: number): void {
    this.#attempts.inc({ source, topic, outcome });
    this.#handlerSeconds.observe({ source, topic }, seconds);
  }

  /** An event was handled so many seconds after its arrival. */
  handled(source: string, seconds: number): void {
    this.#handled.observe({ source }, seconds);
  }

  stalled(source: string): void {
    this.#stalled.inc({ source });
  }

  keyFetch(source: string, outcome: FetchOutcome): void {
    this.#keyFetches.inc({ source, outcome });
  }

  acceptWrite(source: string, outcome: 'ok' | 'failed', seconds: number): void {
    this.#acceptWrite.observe({ source, outcome }, seconds);
  }

  loopDelay(seconds: number): void {
    this.#loopDelay.observe(seconds);
  }

  shed(cause: string): void {
    this.#shed.inc({ cause });
  }

  spoolEvent(event: SpoolEvent): void {
    this.#spoolRecords.inc({ event });
  }

  spoolSync(seconds: number): void {
    this.#spoolSync.observe(seconds);
  }

  /** Asks at each scrape how many deliveries are in hand, and how many may be; begins what is turned away at 0. */
  watchOverload(load: { readonly inFlight: number; readonly limit: number }): void {
    for (const cause of SHED_CAUSES) this.#shed.inc({ cause }, 0);
    watchValue(this.registry, 'hookline_in_flight', 'Deliveries that are worked on.', () => load.inFlight);
    const help = 'Deliveries that may be worked on at once just now.';
    watchValue(this.registry, 'hookline_in_flight_limit', help, () => load.limit);
  }

  /** Asks for the spool's size and age at each scrape. */
  watchSpool(spool: { status(): SpoolStatus }): void {
    const watch = (name: keyof SpoolStatus, metric: string, help: string) =>
      watchValue(this.registry, metric, help, () => Number(spool.status()[name]));
    watch('bytes', 'hookline_spool_bytes', 'Bytes of the spool on the disk.');
    watch('events', 'hookline_spool_events', 'Deliveries that wait in the spool.');
    watch('oldestSeconds', 'hookline_spool_oldest_seconds', 'Age of the oldest delivery in it.');
  }

  /** Asks for the queues' depths at each scrape; a Redis that does not answer leaves the figures out. */
  watchQueues(queues: Iterable<[source: string, queue: { depths(): Promise<Depths> }]>): void {
    watchDepths(this.#store, queues);
  }

  /** Likewise how long the first of each queue has waited. */
  watchOldest(sources: Iterable<string>, ask: (source: string) => Promise<number>): void {
    watchOldestWaiting(this.#store, sources, ask);
  }

  /** Likewise the memory that Redis has, and has used. */
  watchRedis(redis: { info(section: 'memory'): Promise<string> }): void {
    watchRedisMemory(this.#store, redis);
  }
}
