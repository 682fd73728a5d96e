import { count } from './text.js';

/** Where progress is drawn: standard error, as a rule. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const WIDTH = 24;
/** Milliseconds between two drawings on a terminal, and between two lines elsewhere. */
const REDRAW = 100;
const LINE = 2_000;

export interface ProgressOptions {
  /** What was done before: it says nothing of the speed. */
  before?: number;
  /** Said at the head of the line. */
  label?: string;
  /** Shows nothing where there is no terminal. */
  terminalOnly?: boolean;
}

export interface Progress {
  done: number;
  skipped?: number;
  /** Said at the end of the line. */
  note?: string;
}

/** A bar that is drawn over on a terminal, and a line now and then in a log. */
export class ProgressBar {
  readonly #screen: Screen;
  readonly #total: number | null;
  readonly #started = performance.now();
  readonly #before: number;
  readonly #label: string;
  readonly #shows: boolean;
  #drawn = 0;
  #text = '';

  /** `total` is `null` where it is not known. */
  constructor(
    screen: Screen,
    total: number | null,
    { before = 0, label = '', terminalOnly = false }: ProgressOptions = {},
  ) {
    this.#screen = screen;
    this.#total = total;
    this.#before = before;
    this.#label = label;
    this.#shows = screen.isTTY === true || !terminalOnly;
  }

  update(progress: Progress): void {
    if (!this.#shows) return;
    this.#text = this.#describe(progress);
    const now = performance.now();
    if (now - this.#drawn < (this.#screen.isTTY ? REDRAW : LINE)) return;
    this.#drawn = now;
    this.#draw();
  }

  /** Draws the last state, and goes on to a new line. */
  end(): void {
    if (this.#text === '') return;
    this.#draw();
    if (this.#screen.isTTY) this.#screen.write('\n');
  }

  #draw(): void {
    const { isTTY, columns } = this.#screen;
    this.#screen.write(isTTY ? `\r\u001b[K${this.#text.slice(0, (columns || 80) - 1)}` : `${this.#text}\n`);
  }

  #describe({ done, skipped = 0, note }: Progress): string {
    // The first ones go at once, and say nothing of the speed.
    const seconds = Math.max((performance.now() - this.#started) / 1_000, 1);
    const speed = (done + skipped - this.#before) / seconds;
    const head = this.#label === '' ? [] : [this.#label];
    const extra = [
      `${Math.round(speed)}/s`,
      ...(skipped > 0 ? [`${skipped} skipped`] : []),
      ...(note ? [note] : []),
    ];
    if (this.#total === null) return [...head, count(done, 'delivery', 'deliveries'), ...extra].join('  ');
    const share = this.#total === 0 ? 1 : Math.min((done + skipped) / this.#total, 1);
    const filled = Math.round(share * WIDTH);
    const left = Math.ceil(Math.max(this.#total - done - skipped, 0) / Math.max(speed, 0.001));
    const bar = `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}]`;
    const figures = `${done.toLocaleString('en-GB')} of ${this.#total.toLocaleString('en-GB')}`;
    return [...head, bar, `${Math.floor(share * 100)}%`, figures, ...extra, `${left} s left`].join('  ');
  }
}
