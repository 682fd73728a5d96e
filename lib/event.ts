/** Why an authentic delivery cannot be handed to a handler as it is. Kept with the job; see `workers/understand.ts`. */
export type QuarantineCause =
  'no-id' | 'no-topic' | 'bad-topic' | 'bad-name' | 'not-text' | 'compressed' | 'not-json';

/** Written by an operator's replay: the event is handled again, after it failed or even after it succeeded. */
export interface Replay {
  /** 1 for the first replay of this event. */
  count: number;
  /** ISO 8601, UTC. */
  at: string;
  /** Who asked for it. */
  by: string;
}

/**
 * One verified delivery as it is queued: everything that is known without understanding the payload.
 * This is the job's data in Redis, so its size is paid for once per event.
 */
export interface Delivery {
  /** The webhook id: what makes a second delivery a duplicate. Made of the body's hash when the sender gave none. */
  id: string;
  source: string;
  /** `null` when the sender named none that can be used. */
  topic: string | null;
  subTopic: string | null;
  tenantId: string | null;
  /** As the sender wrote it; see `lib/time.ts` for reading it. */
  triggeredAt: string | null;
  /** ISO 8601, UTC. */
  receivedAt: string;
  /** The exact body that was signed; base64 when `encoding` says so (a body that is not UTF-8). */
  rawBody: string;
  encoding?: 'base64';
  /** Lower-case names; never a credential. */
  headers: Record<string, string>;
  /** W3C Trace Context of its receipt, where that was traced: its attempts are parts of the same trace. */
  traceparent?: string;
  /** Set when the receiver already knows that the event cannot be handled. */
  quarantine?: QuarantineCause;
  replay?: Replay;
}

/** A delivery without its body. */
export type Envelope = Omit<Delivery, 'rawBody'>;

/** What a handler is given. */
export interface WebhookEvent<Payload = unknown> {
  id: string;
  source: string;
  topic: string;
  subTopic: string | null;
  tenantId: string | null;
  /** As the sender wrote it. */
  triggeredAt: string | null;
  /** `triggeredAt` in milliseconds since 1970, or `null` when it cannot be read. */
  triggeredAtMs: number | null;
  /** ISO 8601, UTC. */
  receivedAt: string;
  payload: Payload;
  /** The exact text that was signed. */
  rawBody: string;
  headers: Record<string, string>;
  /** Set when an operator has the event handled again; `undefined` otherwise. */
  replay?: Replay | undefined;
}
