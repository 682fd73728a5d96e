import type { Cell, Table } from './section.js';
import { ratios, spreadOf } from './stats.js';

/** A figure of each run, and how it is headed. */
export interface Measure<Run> {
  key: keyof Run & string;
  heading: string;
  /** Where it is shown as a ratio to the control's too, the heading of that. */
  ratio?: string;
}

/** A table with a row for each subject: its figures over all rounds, and their ratios to those of the control. */
export function comparison<Key extends string>(
  subject: string,
  runs: Record<string, Array<Record<Key, number>>>,
  { control, measures }: { control: string; measures: Array<Measure<Record<Key, number>>> },
): Table {
  const beside = runs[control] ?? [];
  const of = (list: Array<Record<Key, number>>, key: Key) => list.map((run) => run[key]);
  const cells = measures.flatMap(({ key, heading, ratio }) => {
    const own = { id: key as string, heading, read: (list: typeof beside) => spreadOf(of(list, key)) };
    if (ratio === undefined) return [own];
    return [
      own,
      {
        id: `${key} ratio`,
        heading: ratio,
        read: (list: typeof beside) => ratios(of(list, key), of(beside, key)),
      },
    ];
  });
  const columns: Array<[string, string]> = cells.map(({ id, heading }) => [id, heading]);
  return {
    columns: Object.fromEntries([[subject, subject], ...columns]),
    rows: Object.entries(runs).map(([name, list]) => {
      const row: Array<[string, Cell]> = cells.map(({ id, read }) => [id, read(list)]);
      return Object.fromEntries([[subject, name], ...row]);
    }),
  };
}
