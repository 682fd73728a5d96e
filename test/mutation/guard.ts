/** A guard against hostile input, with changes that take it away and the tests that have to notice. */
export interface Guard {
  name: string;
  /** Each `from` stands in its file exactly once. */
  changes: Array<{ file: string; from: string; to: string }>;
  /** Any one of these files has to turn red. */
  tests: string[];
}

export function guard(name: string, file: string, from: string, to: string, ...tests: string[]): Guard {
  return { name, changes: [{ file, from, to }], tests };
}
