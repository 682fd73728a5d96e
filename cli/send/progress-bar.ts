const WIDTH = 30;
const INTERVAL = 100;

/** A progress bar on standard error, where that is a terminal; elsewhere it shows nothing. */
export class ProgressBar {
  readonly #total: number;
  readonly #label: string;
  readonly #shows: boolean;
  #shownAt = 0;

  constructor(total: number, label: string) {
    this.#total = total;
    this.#label = label;
    this.#shows = process.stderr.isTTY;
  }

  update(done: number, note = ''): void {
    const now = performance.now();
    if (!this.#shows || (now - this.#shownAt < INTERVAL && done < this.#total)) return;
    this.#shownAt = now;
    const filled = Math.round((WIDTH * Math.min(done, this.#total)) / Math.max(1, this.#total));
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    process.stderr.write(`\r\u001b[2K${this.#label} ${bar} ${done}/${this.#total} ${note}`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#shows) process.stderr.write('\r\u001b[2K');
  }
}
