/** Whoever something is opened for, and with whom it ends: a test, or a script that is none. */
export interface Owner {
  teardown(end: () => unknown): unknown;
}

/** The owner of a script: what was opened last ends first. */
export class Script implements Owner {
  readonly #ends: Array<() => unknown> = [];

  teardown(end: () => unknown): void {
    this.#ends.unshift(end);
  }

  /** Runs the script and ends all that it opened; a failure is the exit code 1. */
  static async run(main: (script: Script) => Promise<boolean>): Promise<void> {
    const script = new Script();
    let sound = false;
    try {
      sound = await main(script);
    } catch (error) {
      console.error(error);
    }
    for (const end of script.#ends) await end();
    process.exit(sound ? 0 : 1);
  }
}
