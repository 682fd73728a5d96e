/** A provider with Petstore's retry rules, its pauses shortened, that remembers all that it sent and was answered. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { schedules } from '../../senders/simulator/schedules.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import type { Exchange, Sent } from './history.js';
import type { Random } from './random.js';

const { delays, timeoutMs } = schedules['petstore'] as { delays: readonly number[]; timeoutMs: number };
/** One, five, thirty and sixty minutes become 0.2, 1, 6 and 12 seconds. */
const SPEED = 300;
const KEYS = 5;
const TICK = 5;

export const petstore = createPetstoreSender({ secret: 'a secret of the fault suite' });

export interface ProviderOptions {
  /** `http://127.0.0.1:<port>` of the receivers; each try goes to the next. */
  addresses: () => string[];
  random: Random;
  connections?: number;
  /**
   * How many times longer its pauses are made: on a slow machine processes take longer to come back, and the real
   * pauses would leave them all the time they want. Default 1.
   */
  slowness?: number;
}

export class Provider {
  readonly sent = new Map<string, Sent>();
  readonly #options: ProviderOptions;
  readonly #agent: http.Agent;
  readonly #open = new Set<Promise<unknown>>();
  #count = 0;
  #turn = 0;
  #running: { stop: () => void; ended: Promise<void> } | undefined;

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: options.connections ?? 50 });
  }

  /** New events at an even rate, until `finish`: every tenth is sent twice at once, every twentieth also forged. */
  start(perSecond: number): void {
    const stopping = new AbortController();
    const run = async () => {
      const began = Date.now();
      for (let count = 0; !stopping.signal.aborted; await sleep(TICK)) {
        const due = ((Date.now() - began) * perSecond) / 1_000;
        for (; count < due; count += 1) void this.event();
      }
    };
    this.#running = { stop: () => stopping.abort(), ended: run() };
  }

  /** One new event, delivered or given up when it resolves. `times`: how often it is sent at once. */
  async event(times = this.#options.random.next() < 0.1 ? 2 : 1): Promise<void> {
    const number = this.#count++;
    const key = number % 3 === 0 ? `key-${number % KEYS}` : undefined;
    const topic = key ? 'order.changed' : 'pet.adopted';
    const request = await petstore.request({ topic, data: { key } });
    const sent: Sent = { id: request.id, key, forged: false, exchanges: [], givenUp: false };
    this.sent.set(sent.id, sent);
    const work = Promise.all(Array.from({ length: times }, () => this.#deliver(request, sent)));
    if (number % 20 === 0) void this.#track(this.#forge(topic));
    await this.#track(work);
  }

  /** Sends no more, and resolves when all is delivered or given up. */
  async finish(): Promise<void> {
    this.#running?.stop();
    await this.#running?.ended;
    while (this.#open.size > 0) await Promise.all(this.#open);
    this.#agent.destroy();
  }

  #track(work: Promise<unknown>): Promise<unknown> {
    const tracked = work.finally(() => this.#open.delete(tracked));
    this.#open.add(tracked);
    return tracked;
  }

  async #deliver(request: SignedRequest, sent: Sent): Promise<void> {
    const { slowness = 1 } = this.#options;
    for (const delay of delays) {
      await sleep((delay / SPEED) * slowness);
      const exchange = await this.#exchange(request);
      sent.exchanges.push(exchange);
      if (exchange.status === 200) return;
    }
    sent.givenUp = true;
  }

  async #forge(topic: string): Promise<void> {
    const request = await petstore.request({ topic, data: {} }, { tamper: 'signature' });
    const sent: Sent = { id: request.id, key: undefined, forged: true, exchanges: [], givenUp: false };
    this.sent.set(sent.id, sent);
    sent.exchanges.push(await this.#exchange(request));
  }

  async #exchange(request: SignedRequest): Promise<Exchange> {
    const addresses = this.#options.addresses();
    const address = addresses[this.#turn++ % addresses.length] ?? '';
    const began = performance.now();
    try {
      const { status, headers, body } = await post(address, request, { timeoutMs, agent: this.#agent });
      const { status: said, code } = JSON.parse(body) as { status?: string; code?: string };
      const milliseconds = performance.now() - began;
      return { status, said: said ?? code ?? '', retryAfter: headers['retry-after'], milliseconds };
    } catch (error) {
      const said = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      return { status: undefined, said, retryAfter: undefined, milliseconds: performance.now() - began };
    }
  }
}
