import type { Duration } from './duration.js';
import type { WebhookEvent } from './event.js';
import type { HandlerContext } from './handler-context.js';
import type { FromSchema } from './payloads/from-schema.js';
import type { KnownPayload } from './payloads/registry.js';

/** How long to wait after each failed attempt. */
export type BackoffDefinition =
  | {
      /** Doubles the delay each time. The default. */
      type?: 'exponential' | 'fixed';
      /** Before the first retry. Default 1 s. */
      delay?: Duration;
      /** Share of the delay that is left to chance, 0 to 1. Default 0.5. */
      jitter?: number;
      /** No single delay exceeds it. Default 1 h. */
      maxDelay?: Duration;
    }
  | {
      type: 'schedule';
      /** Before the first retry, the second, …; the last is repeated where there are more attempts. */
      delays: readonly Duration[];
      /** Default 0. */
      jitter?: number;
    };

/** At most `max` attempts begin within any `per`, over all workers. */
export interface RateLimit {
  /** 1 to 10,000. */
  max: number;
  per: Duration;
}

/** What names an event's place among its like. */
export interface Versioned {
  key: string | number;
  /** Numbers are compared by value, texts byte by byte (ISO times do). One key has one kind. */
  version: string | number;
}

export type JsonSchema = Record<string, unknown> | boolean;

/** What a handler's module writes. */
export interface HandlerDefinition<
  Payload = unknown,
  Source extends string = string,
  Topic extends string = string,
  Schema extends JsonSchema = JsonSchema,
> {
  source: Source;
  /** `'*'` takes what no other handler takes; `*` inside stands for any run of characters. */
  topic: Topic;
  subTopic?: string;
  tenantId?: string;
  /** JSON Schema of the payload: an event that does not fit is quarantined. */
  schema?: Schema;
  /** Default 8; with a schedule, one more than it has delays. */
  attempts?: number;
  backoff?: BackoffDefinition;
  /** For one attempt, which fails when it is reached. Default 30 s. */
  timeout?: Duration;
  /**
   * Events of one key are handled one at a time, in the order in which they were accepted, over all workers and
   * over all handlers of the source. `null` or `undefined`: this event is not ordered.
   */
  serialBy?(event: WebhookEvent<Payload>): string | number | null | undefined;
  /** What an event that failed for good does to the later ones of its `serialBy` key. Default `'release'`. */
  onDead?: 'release' | 'hold';
  /**
   * An event older than the newest that this handler has handled for the key ends as `stale` instead. Events of
   * one key are handled one at a time, in any order. `null` or `undefined`: this event has no version.
   */
  latestBy?(event: WebhookEvent<Payload>): Versioned | null | undefined;
  /** How long the newest version of a key is remembered after it was handled. Default 30 d. */
  rememberVersions?: Duration;
  /** How many of this handler's events are in hand at once, over all workers. */
  concurrency?: number;
  rateLimit?: RateLimit;
  handle(event: WebhookEvent<Payload>, ctx: HandlerContext): unknown;
}

/** Stands for "no type was given": the payload's type is then found from source, topic and schema. */
declare const inferred: unique symbol;
interface Inferred {
  [inferred]: true;
}

/** The type given by hand; else what is known of the topic and what the handler's own schema says, both at once. */
export type PayloadOf<Given, Source, Topic, Schema> = [Given] extends [Inferred]
  ? KnownPayload<Source, Topic> & FromSchema<Schema>
  : Given;

/**
 * Types a handler's file; returns it as it is. `event.payload` is typed by source and topic for the built-in
 * topics and by a `schema` that is written in place; `defineHandler<Payload>` says it by hand.
 */
export function defineHandler<
  Payload = Inferred,
  const Source extends string = string,
  const Topic extends string = string,
  const Schema extends JsonSchema = JsonSchema,
>(
  definition: HandlerDefinition<PayloadOf<Payload, Source, Topic, Schema>, Source, Topic, Schema>,
): HandlerDefinition<PayloadOf<Payload, Source, Topic, Schema>, Source, Topic, Schema> {
  return definition;
}
