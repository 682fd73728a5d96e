/** What the processes on one port and their parent say to each other. */
import type { Figures } from './figures.js';

export type ToParent =
  | { is: 'up'; address: string | undefined }
  /** Asks for the figures of all others. */
  | { is: 'ask'; question: number }
  | { is: 'answer'; question: string; figures: Figures };

export type ToChild =
  { is: 'asked'; question: string } | { is: 'answered'; question: number; figures: Figures[] };

/** Milliseconds in which a process tells its figures, or they are left out. */
export const ANSWER_WITHIN = 1_000;
