import type { EmbeddedStore } from '../lib/store/embedded-store.js';
import type { Spread } from './stats.js';

/** What a section is given. */
export interface Bench {
  /** Of a Redis that nobody else uses. */
  redisUrl: string;
  /** Another one, empty; its user closes it. */
  openStore: () => Promise<EmbeddedStore>;
  rounds: number;
  /** Fewer and shorter measurements. */
  quick: boolean;
  /** Jobs that wait while events are accepted. */
  waiting: number;
  /** Handlers at once in each worker process that is one of several. */
  concurrency: number;
  /** Webhook ids to remember. */
  ids: number;
  /** Of steady load. */
  minutes: number;
}

export type Cell = string | number | Spread;

export interface Table {
  /** Key of a cell → its heading, in the order in which they are shown. */
  columns: Record<string, string>;
  rows: Array<Record<string, Cell>>;
}

/** One thing that is measured, beside its controls. */
export interface Section {
  name: string;
  /** Left out where time is short. */
  long?: boolean;
  measure: (bench: Bench) => Promise<Table>;
}
