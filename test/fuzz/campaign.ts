/** Requests drawn by the thousand and sent over many connections at once, and what came of them. */
import * as fc from 'fast-check';
import type { Watched } from '../support/watched.js';
import { Line } from './exchange.js';
import { isPutOff, judge } from './judge.js';
import { requests } from './requests.js';
import { wireOf, type Drawn } from './requests/drawn.js';
import type { World } from './world.js';

/** Drawn at once: the seed of each batch is the run's and its number, so that it can be had again by itself. */
const BATCH = 500;
const SAMPLES = 20;
const MB = 1024 ** 2;

export interface Plan {
  seed: number;
  requests: number;
  /** Milliseconds since 1970 at which it ends, whatever has been sent. */
  end: number;
}

export class Campaign {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #hookline: Watched;
  readonly #draw: fc.Arbitrary<Drawn>;
  readonly #began = performance.now();
  readonly #answers = new Map<string, number>();
  readonly #problems: string[] = [];
  readonly #memory: number[] = [];
  #waiting: Drawn[] = [];
  #batches = 0;
  #sent = 0;
  #wrong = 0;

  constructor(plan: Plan, world: World, hookline: Watched) {
    this.#plan = plan;
    this.#world = world;
    this.#hookline = hookline;
    this.#draw = requests(world);
  }

  /** One connection, until all are sent, time is up, or the process is gone. */
  async drive(): Promise<void> {
    const line = new Line(this.#hookline.address);
    while (
      this.#sent < this.#plan.requests &&
      Date.now() < this.#plan.end &&
      this.#hookline.child.exitCode === null
    ) {
      this.#sent += 1;
      await this.#one(line, this.#next());
    }
    line.close();
  }

  async sample(): Promise<void> {
    this.#memory.push(await this.#hookline.memory().catch(() => 0));
  }

  #next(): Drawn {
    if (this.#waiting.length === 0) {
      this.#waiting = fc.sample(this.#draw, { seed: this.#plan.seed + this.#batches, numRuns: BATCH });
      this.#batches += 1;
    }
    return this.#waiting.pop() as Drawn;
  }

  async #one(line: Line, drawn: Drawn): Promise<void> {
    const batch = this.#batches - 1;
    const replies = drawn.raw
      ? await line.throwAt(drawn.raw)
      : [await line.ask(wireOf(drawn)).catch((error: Error) => ({ status: 599, body: error.message }))];
    const given = replies.filter((reply) => reply !== undefined);
    const names = given.map((reply) => (isPutOff(drawn, reply) ? 'put off' : String(reply.status)));
    for (const status of names.length === 0 ? ['closed'] : names) {
      const key = `${drawn.kind} → ${status}`;
      this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
    }
    const problem = judge(this.#world, drawn, given);
    if (!problem) return;
    this.#wrong += 1;
    if (this.#problems.length < 10)
      this.#problems.push(`seed ${this.#plan.seed + batch}, ${drawn.kind}: ${problem}`);
  }

  /** Prints the figures. Answers whether nothing was wrong. */
  report(): boolean {
    const { child, levels, trouble } = this.#hookline;
    const alive = child.exitCode === null && child.signalCode === null;
    const total = (test: RegExp) =>
      [...this.#answers].filter(([key]) => test.test(key)).reduce((sum, [, count]) => sum + count, 0);
    const at = Array.from({ length: SAMPLES + 1 }, (_, step) =>
      this.#memory.at(Math.min(this.#memory.length - 1, Math.round((step / SAMPLES) * this.#memory.length))),
    );
    const seconds = (performance.now() - this.#began) / 1_000;
    const rows: Array<[string, unknown]> = [
      ['seed', this.#plan.seed],
      ['requests', `${this.#sent} in ${seconds.toFixed(0)} s, ${(this.#sent / seconds).toFixed(0)} a second`],
      ['alive at the end', alive],
      ['authentic by design, answered 200', `${total(/genuine.* → 200$/)} of ${total(/genuine/)}`],
      ['answers 5xx', total(/ → 5\d\d$/)],
      ['forged tokens with an unknown kid past its fetches, put off with 503', total(/ → put off$/)],
      ['wrong answers (a forgery taken, an authentic one refused, a leak, silence)', this.#wrong],
      ['errors and unhandled rejections in the log', trouble.length],
      ['lines of the log that are no JSON', levels['broken'] ?? 0],
      ['log lines by level', JSON.stringify(levels)],
      ['memory (MB, 21 moments)', at.map((bytes) => Math.round((bytes ?? 0) / MB)).join(' ')],
    ];
    for (const [key, count] of [...this.#answers].toSorted(([a], [b]) => a.localeCompare(b)))
      console.log(`  ${String(count).padStart(8)}  ${key}`);
    for (const [name, figure] of rows) console.log(`${name}: ${String(figure)}`);
    for (const line of [...this.#problems, ...trouble]) console.log(`! ${line}`);
    return alive && this.#wrong === 0 && trouble.length === 0 && this.#sent > 0;
  }
}
