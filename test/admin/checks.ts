/** What was looked at, a line each, for a script that is no test of tap's. */
import { isDeepStrictEqual } from 'node:util';

export class Checks {
  #failed = 0;
  #passed = 0;

  ok(name: string, holds: boolean, seen?: unknown): void {
    if (holds) this.#passed += 1;
    else this.#failed += 1;
    console.log(`${holds ? 'ok    ' : 'NOT ok'} ${name}`);
    if (!holds && seen !== undefined) console.log('       seen:', seen);
  }

  same(name: string, seen: unknown, expected: unknown): void {
    this.ok(name, isDeepStrictEqual(seen, expected), seen);
  }

  /** Says how many; answers whether all is well. */
  report(): boolean {
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 && this.#passed > 0;
  }
}
