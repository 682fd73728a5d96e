import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { withDeadline } from './deadline.js';
import type { Depths } from './queue/delivery-queue.js';
import type { SpoolEvent, SpoolStatus } from './spool/spool.js';

/** What a delivery ended as, for the sender: the `outcome` label. */
export type DeliveryOutcome = 'accepted' | 'duplicate' | 'spooled' | 'refused' | 'unavailable';

/** The providers' deadlines (5 s and 15 s) are buckets, so that "too late" can be read off exactly. */
const ACKNOWLEDGEMENT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
const HANDLER_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const SYNC_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const SCRAPE_DEADLINE = 1_000;

/** All metrics of one process. Labels are sources, outcomes and topics that have handlers: their number is bounded. */
export class Metrics {
  readonly registry = new Registry();

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
    buckets: SYNC_BUCKETS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
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

  shed(cause: string): void {
    this.#shed.inc({ cause });
  }

  /** Asks at each scrape how many deliveries are in hand, and how many may be. */
  watchOverload(load: { readonly inFlight: number; readonly limit: number }): void {
    this.#gauge('hookline_in_flight', 'Deliveries that are worked on.', () => load.inFlight);
    this.#gauge(
      'hookline_in_flight_limit',
      'Deliveries that may be worked on at once just now.',
      () => load.limit,
    );
  }

  spoolEvent(event: SpoolEvent): void {
    this.#spoolRecords.inc({ event });
  }

  spoolSync(seconds: number): void {
    this.#spoolSync.observe(seconds);
  }

  /** Asks for the spool's size and age at each scrape. */
  watchSpool(spool: { status(): SpoolStatus }): void {
    const of = (name: keyof SpoolStatus) => () => Number(spool.status()[name]);
    this.#gauge('hookline_spool_bytes', 'Bytes of the spool on the disk.', of('bytes'));
    this.#gauge('hookline_spool_events', 'Deliveries that wait in the spool.', of('events'));
    this.#gauge('hookline_spool_oldest_seconds', 'Age of the oldest delivery in it.', of('oldestSeconds'));
  }

  /** Asks for the queues' depths at each scrape; a Redis that does not answer leaves the figures out. */
  watchQueues(queues: Iterable<[source: string, queue: { depths(): Promise<Depths> }]>): void {
    const watched = [...queues];
    const gauge = new Gauge({
      name: 'hookline_queue_jobs',
      help: 'Jobs by source and state.',
      labelNames: ['source', 'state'] as const,
      registers: [],
      async collect() {
        const depths = await Promise.all(
          watched.map(([, queue]) => withDeadline(queue.depths(), SCRAPE_DEADLINE).catch(() => undefined)),
        );
        // In one go, so that a scrape that begins meanwhile finds all or writes it anew.
        this.reset();
        watched.forEach(([source], index) => {
          for (const [state, count] of Object.entries(depths[index] ?? {}))
            this.set({ source, state }, count);
        });
      },
    });
    this.registry.registerMetric(gauge);
  }

  #gauge(name: string, help: string, value: () => number): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(value());
      },
    });
    this.registry.registerMetric(gauge);
  }
}
