import type { Excuses } from './checker.js';
import type { Provider } from './provider.js';
import type { Random } from './random.js';
import type { Stage, StageOptions } from './stage.js';

export interface Round {
  stage: Stage;
  provider: Provider;
  random: Random;
}

/** Something that happens while deliveries come in. New ones are files in `catalogue/`, listed in `catalogue/index.ts`. */
export interface Fault {
  name: string;
  stage?: StageOptions;
  /** New deliveries a second; 0: the fault sends by itself. Default 100. */
  perSecond?: number;
  /** Connections of the provider. */
  connections?: number;
  /** What the fault excuses. */
  excuses?: Excuses;
  /**
   * Does it and undoes it, while the load runs. What it answers is excused besides.
   * @throws when the fault could not be brought about
   */
  run(round: Round): Promise<Excuses | void>;
}
