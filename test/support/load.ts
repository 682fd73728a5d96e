/** Sends deliveries in number, as providers do: what is not answered 200 is sent again. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Owner } from './owner.js';
import { post, type SignedRequest } from '../../senders/sender.js';

export interface LoadOptions {
  /** `http://127.0.0.1:<port>` of every receiver. */
  addresses: string[];
  /** Keep-alive connections in all, shared out evenly. */
  connections: number;
  /** Milliseconds for which a connection rests after an answer other than 200, or none. */
  pause?: number;
  /** Milliseconds after which a delivery that nobody takes is given up. */
  patience?: number;
}

export interface Load {
  /**
   * For each webhook id what every try came to, in order: `accepted`, `duplicate` or `spooled` for a 200, the status of
   * any other answer, or the code of the error where there was none.
   */
  answers: Map<string, string[]>;
  /** Resolves when the delivery is answered 200. @throws when that takes longer than `patience` */
  send(request: SignedRequest): Promise<void>;
  /**
   * Sends new deliveries at an even rate, waiting for none, until the function it returns is called; that
   * one resolves when all are answered 200. At most `MAX_OPEN` are under way or waiting at once.
   */
  sendSteadily(make: () => Promise<SignedRequest>, perSecond: number): () => Promise<void>;
}

interface Waiting {
  request: SignedRequest;
  giveUpAt: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** One connection. */
interface Lane {
  address: string;
  agent: http.Agent;
}

const MAX_OPEN = 5_000;
const TRY_LIMIT = 60_000;
const TICK = 5;

/** Opens a sender; its connections close with the test. */
export function openLoad(
  t: Owner,
  { addresses, connections, pause = 100, patience = 120_000 }: LoadOptions,
): Load {
  const lanes = Array.from({ length: connections }, (_, index): Lane => {
    const address = addresses[index % addresses.length] ?? '';
    return { address, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }) };
  });
  t.teardown(() => lanes.forEach(({ agent }) => agent.destroy()));
  const free = [...lanes];
  const queue: Waiting[] = [];
  const answers: Load['answers'] = new Map();

  function send(request: SignedRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({ request, giveUpAt: Date.now() + patience, resolve, reject });
      const lane = free.shift();
      if (lane) void work(lane);
    });
  }

  /** Sends what waits, one delivery after the other, until nothing does. Never throws. */
  async function work(lane: Lane): Promise<void> {
    for (let item = queue.shift(); item; item = queue.shift()) {
      const { id } = item.request;
      const answer = await tryOnce(lane, item.request);
      const own = answers.get(id) ?? [];
      own.push(answer);
      answers.set(id, own);
      if (isTaken(answer)) {
        item.resolve();
      } else if (Date.now() > item.giveUpAt) {
        item.reject(new Error(`${id} was not taken; its last answer: ${answer}`));
      } else {
        queue.push(item);
        await sleep(pause);
      }
    }
    free.push(lane);
  }

  function sendSteadily(make: () => Promise<SignedRequest>, perSecond: number): () => Promise<void> {
    const failures: unknown[] = [];
    const open = new Set<Promise<void>>();
    const stop = new AbortController();

    const start = (): void => {
      const sending = make()
        .then(send)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => open.delete(sending));
      open.add(sending);
    };
    const running = (async () => {
      const started = Date.now();
      for (let count = 0; !stop.signal.aborted; await sleep(TICK)) {
        const due = ((Date.now() - started) * perSecond) / 1_000;
        for (; count < due && open.size < MAX_OPEN; count += 1) start();
      }
    })();
    return async () => {
      stop.abort();
      await running;
      await Promise.all(open);
      if (failures.length > 0) throw failures[0];
    };
  }

  return { answers, send, sendSteadily };
}

async function tryOnce({ address, agent }: Lane, request: SignedRequest): Promise<string> {
  try {
    const { status, body } = await post(address, request, { timeoutMs: TRY_LIMIT, agent });
    return status === 200 ? (JSON.parse(body) as { status: string }).status : String(status);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}

/** Was this answer a 200? */
export function isTaken(answer: string): boolean {
  return answer === 'accepted' || answer === 'duplicate' || answer === 'spooled';
}

/** How often each answer came, over all ids. */
export function tally(answers: Load['answers']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of [...answers.values()].flat()) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

/**
 * Every answer was a 200. A machine without time may have had one in ten told to come again (503, because of the
 * event loop or of the disk), which it did: these are sent until they are taken.
 */
export function allTaken(t: Test, ...loads: Load[]): void {
  const all = loads.flatMap(({ answers }) => [...answers.values()].flat());
  const others = all.filter((answer) => !isTaken(answer));
  t.same(
    others.filter((answer) => answer !== '503'),
    [],
    'every answer is a 200',
  );
  t.ok(others.length <= all.length / 10, `but for ${others.length} of ${all.length}`);
}
