import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { QuarantineCause } from './event.js';
import type { Handler } from './handler.js';
import type { Log } from './log.js';
import type { Notes } from './notes.js';
import type { Trust } from './overview/schema.js';
import type { DeliveryQueue } from './queue/delivery-queue.js';

/** A request as a source sees it: the exact bytes, and the headers. Sources know nothing else of HTTP. */
export interface RawDelivery {
  body: Buffer;
  headers: IncomingHttpHeaders;
  /** Too many deliveries of its address were refused: nothing is fetched for its sake. */
  suspect?: boolean;
}

/**
 * Stable, low-cardinality names for why a delivery was refused: the label of the metric and of the log line.
 * They never reach the sender.
 */
export type RefusalCause = string;

export interface Authentic<Proof> {
  ok: true;
  /** What `authenticate` learnt and `identify` needs, so that nothing is parsed twice. */
  proof: Proof;
}

export interface Refused<Proof> {
  ok: false;
  status: 401 | 403;
  cause: RefusalCause;
  /** What an operator should know: the likely reason. Logged, never sent. Holds no secret. */
  detail?: string;
  /** Part of the provider's protocol (a challenge, say), or our own probe: no reason to warn anybody. */
  expected?: boolean;
  /** `WWW-Authenticate`, for 401. */
  challenge?: string;
  /** Queue this although the answer is a refusal: PCE's unauthenticated first leg, whose signature is good. */
  queueAnyway?: { proof: Proof };
}

export type Verdict<Proof> = Authentic<Proof> | Refused<Proof>;

/** What names an event. Values are as the sender wrote them; the accept path bounds them. */
export interface Identity {
  /** `undefined`: the sender gave none, and a hash stands in for it. */
  id: string | undefined;
  topic: string | undefined;
  subTopic?: string | undefined;
  tenantId?: string | undefined;
  triggeredAt?: string | undefined;
  quarantine?: QuarantineCause;
}

/** The receiving half of a provider, made once at start from its settings. */
export interface Source<Proof = unknown, Given = unknown> {
  /**
   * Is this delivery from the provider? Bad input is a `Refused`, never an exception.
   * @throws {UnavailableError} where we cannot tell (key server gone): the sender must try again.
   */
  authenticate(delivery: RawDelivery): Verdict<Proof> | Promise<Verdict<Proof>>;
  /** Never throws: what cannot be read is left `undefined`. */
  identify(delivery: RawDelivery, proof: Proof): Identity;
  /** Fetches what the first delivery would wait for (keys). Its failure is logged and does not stop the start. */
  warmUp?(): Promise<void>;
  /** Takes new secrets while it runs, so that rotating them needs no restart and refuses no delivery. */
  update?(settings: Given): void;
  close?(): void | Promise<void>;
}

/** What came of fetching a key set or a certificate: it cannot be used (`refused`), or could not be had (`failed`). */
export type FetchOutcome = 'ok' | 'refused' | 'failed';

export interface SourceDeps {
  log: Log;
  /** Told of every fetch of keys. */
  onFetch?: (outcome: FetchOutcome) => void;
}

/** What a source's own handlers are given where they run; where they are only listed there is none of it. */
export interface HandlerDeps {
  notes: Notes;
}

/**
 * A provider: the default export of one file in `sources/`. `settings` are its environment variables as a
 * zod shape; they are checked with all others before anything listens.
 */
export interface SourceDefinition<Shape extends z.ZodRawShape = z.ZodRawShape, Proof = unknown> {
  /** Path segment of `/webhooks/<name>`, name of the queue, label of the metrics. */
  name: string;
  settings: Shape;
  /** Which combinations of its settings are wrong: `[variable, what was expected]` pairs. */
  check?(settings: z.output<z.ZodObject<Shape>>): Array<[variable: string, problem: string]>;
  enabled(settings: z.output<z.ZodObject<Shape>>): boolean;
  create(
    settings: z.output<z.ZodObject<Shape>>,
    deps: SourceDeps,
  ): Source<Proof, z.output<z.ZodObject<Shape>>>;
  /** Seconds for which the provider waits for an answer; `undefined`: 15. */
  answerWithin?: number;
  /** How it stands with the provider, for the operator: subscriptions, say. Read from Redis; `prefix` is QUEUE_PREFIX. */
  standing?(settings: z.output<z.ZodObject<Shape>>, queue: DeliveryQueue, prefix: string): Promise<Trust[]>;
  /** What a handler gets as `event.payload`. Default: the body as JSON. @throws when it cannot be read. */
  payload?(rawBody: string): unknown;
  /** Other spellings of a topic → the one to which handlers are matched. */
  topicAliases?: Record<string, string>;
  /** Handlers that belong to the provider's protocol rather than to the user. */
  handlers?(settings: z.output<z.ZodObject<Shape>>, deps?: HandlerDeps): Handler[];
}

/** Types a source's file; returns it as it is. */
export function defineSource<Shape extends z.ZodRawShape, Proof>(
  definition: SourceDefinition<Shape, Proof>,
): SourceDefinition<Shape, Proof> {
  return definition;
}
