/** A map that holds at most `capacity` entries and forgets the one unused for longest. */
export class Recent<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #capacity: number;
  #youngest: string | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    // A Map keeps the order of insertion: to be inserted again is to be the youngest. Most are that already.
    if (value !== undefined && key !== this.#youngest) this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#youngest = key;
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
