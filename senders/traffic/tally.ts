/** Milliseconds, of all exchanges that were answered. */
export interface Latency {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export interface TallySummary {
  /** How often each answer came: `200 accepted`, `403`, `ECONNREFUSED`. The most frequent first. */
  answers: Record<string, number>;
  /** `null` when nothing was answered. */
  latency: Latency | null;
}

/** How many exchanges' times are kept; of more, a sample. */
const MAX_TIMES = 100_000;

/** Counts answers, and how long they took. */
export class Tally {
  readonly #answers = new Map<string, number>();
  readonly #times: number[] = [];
  #seen = 0;

  /** `milliseconds` is left out where nothing was answered. */
  add(answer: string, milliseconds?: number): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
    if (milliseconds === undefined) return;
    this.#seen += 1;
    if (this.#times.length < MAX_TIMES) this.#times.push(milliseconds);
    else {
      // Reservoir sampling: each exchange has the same chance to be in.
      const place = Math.floor(Math.random() * this.#seen);
      if (place < MAX_TIMES) this.#times[place] = milliseconds;
    }
  }

  get count(): number {
    return [...this.#answers.values()].reduce((sum, count) => sum + count, 0);
  }

  summary(): TallySummary {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (share: number) =>
      round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
    return {
      answers: Object.fromEntries([...this.#answers].toSorted(([, a], [, b]) => b - a)),
      latency: sorted.length === 0 ? null : { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
    };
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
