import { setTimeout as wait } from 'node:timers/promises';
import { post, type Answer, type SignedRequest } from '../../senders/sender.js';
import { SOURCES, type Providers, type SourceName } from './providers.js';

/** Milliseconds between two requests, retries and look-ups included: at most 50 a second. */
const GAP = 20;
/** Milliseconds. */
const ANSWER_LIMIT = 10_000;
const RETRY_WAIT = 1_000;
const ACCEPT_LIMIT = 120_000;
const HANDLE_LIMIT = 120_000;

/** A delivery and what the receiver made of it. */
export interface Sent {
  source: SourceName;
  id: string;
  accepted: boolean;
  /** Tries that were not answered 200: the status, or what kept the answer from coming. */
  refusals: string[];
  /** The state that the admin API told last. */
  state: string;
}

export interface Target {
  baseUrl: string;
  /** An `Authorization` header. */
  admin: string;
}

/** Sends to one Hookline at a gentle pace, as providers do that send again what is not answered 200. */
export class Traffic {
  readonly #target: Target;
  readonly #providers: Providers;
  #nextSlot = 0;

  constructor(target: Target, providers: Providers) {
    this.#target = target;
    this.#providers = providers;
  }

  /** Sends deliveries of all sources; `onThird` runs beside them once a third is sent. */
  async send(count: number, onThird: () => Promise<unknown>): Promise<Sent[]> {
    const deliveries: Promise<Sent>[] = [];
    let disturbance: Promise<unknown> | undefined;
    for (let n = 0; n < count; n++) {
      await this.#slot();
      deliveries.push(
        this.#deliver(SOURCES[n % SOURCES.length] as SourceName, Math.floor(n / SOURCES.length)),
      );
      if (n === Math.floor(count / 3)) {
        disturbance = onThird();
        // A failure is reported where it is awaited, below.
        disturbance.catch(() => {});
      }
    }
    await disturbance;
    return Promise.all(deliveries);
  }

  /** Asks what became of accepted deliveries until each has ended or is unknown, or for two minutes. */
  async follow(all: Sent[]): Promise<void> {
    const deadline = Date.now() + HANDLE_LIMIT;
    for (const sent of all.filter(({ accepted }) => accepted)) {
      do sent.state = await this.lookUp(sent.source, sent.id);
      while (!/^(?:completed|failed|404)$/.test(sent.state) && Date.now() < deadline);
    }
  }

  /** A delivery's state, or the HTTP status where there is none. */
  async lookUp(source: string, id: string): Promise<string> {
    await this.#slot();
    const url = `${this.#target.baseUrl}/admin/api/deliveries/${source}/${encodeURIComponent(id)}`;
    const headers = { authorization: this.#target.admin };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_LIMIT) });
    const { state } = (await response.json()) as { state?: string };
    return state ?? String(response.status);
  }

  async post(request: SignedRequest): Promise<Answer> {
    await this.#slot();
    return post(this.#target.baseUrl, request, { timeoutMs: ANSWER_LIMIT });
  }

  async #deliver(source: SourceName, n: number): Promise<Sent> {
    const request = await this.#providers.request(source, n);
    const sent: Sent = { source, id: request.id, accepted: false, refusals: [], state: 'not asked' };
    const deadline = Date.now() + ACCEPT_LIMIT;
    while (Date.now() < deadline) {
      const outcome = await this.post(request).then(
        ({ status }) => String(status),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      if (outcome === '200') return { ...sent, accepted: true };
      sent.refusals.push(outcome);
      await wait(RETRY_WAIT);
    }
    return sent;
  }

  /** Waits for this request's turn. */
  async #slot(): Promise<void> {
    this.#nextSlot = Math.max(Date.now(), this.#nextSlot + GAP);
    await wait(this.#nextSlot - Date.now());
  }
}
