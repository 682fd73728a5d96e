import { withDeadline } from '../deadline.js';
import type { Depths } from './delivery-queue.js';

/** Milliseconds. */
const LOOK_EVERY = 1_000;
const LOOK_LIMIT = 1_000;

/** Looks now and then how many jobs of each source have not begun: nobody who asks waits for it. */
export class DepthWatch {
  readonly #queues: ReadonlyMap<string, { depths(): Promise<Depths> }>;
  readonly #max: number;
  #full = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(queues: ReadonlyMap<string, { depths(): Promise<Depths> }>, max: number) {
    this.#queues = queues;
    this.#max = max;
    this.#again();
  }

  /** Had the source's queue too many jobs when we last looked? Of a Redis that does not answer that is not known. */
  isFull(source: string): boolean {
    return this.#full.has(source);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #again(): void {
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const full = new Set<string>();
    for (const [source, queue] of this.#queues) {
      const depths = await withDeadline(queue.depths(), LOOK_LIMIT).catch(() => undefined);
      if (depths && depths.waiting + depths.delayed > this.#max) full.add(source);
    }
    this.#full = full;
    if (this.#timer) this.#again();
  }
}
