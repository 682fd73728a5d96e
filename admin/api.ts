/** `/admin/api` as the browser asks it. Times are ISO 8601. */
import { nameOf } from './router.js';

export const STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;

export type TrustState = 'ok' | 'pending' | 'failed' | 'unknown';

/** A key, a certificate or a subscription that a source relies on. */
export interface Trust {
  what: string;
  state: TrustState;
  at: string | null;
  detail: string;
}

interface Counts {
  accepted: number;
  duplicate: number;
  spooled: number;
  refused: number;
  unavailable: number;
  /** Seconds to our answer. */
  p50: number | null;
  p99: number | null;
}

export type Minute = Counts & { at: string };

export interface SourceOverview {
  source: string;
  enabled: boolean;
  lastDeliveryAt: string | null;
  deadlineSeconds: number;
  trust: Trust[];
  depths: Record<(typeof STATES)[number], number>;
  oldestWaitingSeconds: number;
  /** Oldest first. */
  minutes: Minute[];
  hour: Counts & { refusals: Record<string, number> };
}

export interface Overview {
  at: string;
  spool: { events: number; bytes: number; oldestSeconds: number } | null;
  sources: SourceOverview[];
}

export interface Summary {
  source: string;
  id: string;
  jobId: string;
  state: string;
  failure: 'quarantined' | 'dead-letter' | null;
  topic: string | null;
  subTopic: string | null;
  tenantId: string | null;
  triggeredAt: string | null;
  receivedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  attemptsMade: number;
  failedReason: string | null;
  handler: string | null;
  replayCount: number;
}

export interface Happening {
  at: string;
  event: string;
  [more: string]: unknown;
}

export interface Delivery extends Summary {
  trimmed: boolean;
  discarded: boolean;
  stack: string | null;
  history: Happening[];
  steps: Array<{ name: string; at: string | null; attempt: number | null; value?: unknown }>;
  replays: Array<{ at: string; by: string; filter: string | null }>;
}

/** What a delivery says; `note` tells why there is no payload. */
export interface Content {
  headers: Record<string, string> | null;
  payload: unknown;
  note: string | null;
}

export interface Page {
  deliveries: Summary[];
  lookedAt: number;
  cursor: string | null;
}

export type Action = 'replay' | 'discard';

/** An answer that is no success, in words for whoever looks at the page. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(message: string, code: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Milliseconds for one question. */
const LIMIT = 20_000;

/** The catalogue speaks to senders of deliveries; these are for operators. */
const WORDS: Record<string, string> = {
  HKL_ERR_STORE_UNAVAILABLE: 'Redis did not answer in time, so this cannot be looked up just now.',
  HKL_ERR_INTERNAL: 'Something went wrong in the receiver. Its log says what.',
  HKL_ERR_SHUTTING_DOWN: 'The receiver is shutting down. Try again when it is back.',
};

const unreachable = () =>
  new ApiError('The receiver did not answer. Is it running, and is the network up?', 'UNREACHABLE', 0);

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const limit = AbortSignal.timeout(LIMIT);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  const response = await fetch(path, { ...init, signal }).catch((error: unknown) => {
    throw init.signal?.aborted ? error : unreachable();
  });
  const body = (await response.json().catch(() => null)) as { code?: string; message?: string } | null;
  if (response.ok && body !== null) return body as T;
  const code = body?.code ?? '';
  const message = WORDS[code] ?? body?.message ?? `The receiver answered ${response.status}.`;
  throw new ApiError(message, code, response.status);
}

const pathOf = (source: string, id: string) =>
  `/admin/api/deliveries/${encodeURIComponent(source)}/${encodeURIComponent(id)}`;

export const api = {
  overview: (signal: AbortSignal) => ask<Overview>('/admin/api/overview', { signal }),

  search: (query: URLSearchParams, signal: AbortSignal) =>
    ask<Page>(`/admin/api/deliveries?${query}`, { signal }),

  delivery: (source: string, id: string, signal: AbortSignal) =>
    ask<Delivery>(pathOf(source, id), { signal }),

  content: (source: string, id: string, signal: AbortSignal) =>
    ask<Content>(`${pathOf(source, id)}/content`, { signal }),

  /** Replays or discards. `force` where the delivery was handled with success. */
  operate: (action: Action, delivery: Summary, request: { force: boolean; keepId?: boolean }) =>
    ask<unknown>(`${pathOf(delivery.source, nameOf(delivery))}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    }),
};

/** Every delivery with a webhook id; one whose content is gone is known to its own source only. */
export async function findById(id: string, sources: string[], signal: AbortSignal): Promise<Summary[]> {
  const { deliveries } = await api.search(new URLSearchParams({ id }), signal);
  if (deliveries.length > 0) return deliveries;
  const asked = sources.map((source) =>
    api.delivery(source, id, signal).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }),
  );
  return (await Promise.all(asked)).filter((found) => found !== null);
}
