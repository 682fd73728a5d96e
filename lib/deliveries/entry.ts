import { z } from 'zod';
import { HooklineError } from '../errors.js';
import { shardLabel } from '../queue/shards.js';
import { STATES, type State } from './schema.js';
import type { Place } from './store.js';

export const FINISHED_STATES = ['completed', 'failed'] as const satisfies State[];
export type FinishedState = (typeof FINISHED_STATES)[number];
/** In the order in which they are listed. */
export const UNFINISHED_STATES = ['active', 'waiting', 'delayed'] as const satisfies State[];
export type UnfinishedState = (typeof UNFINISHED_STATES)[number];

/** One delivery on a walk, before anything of it but its place has been read. */
export interface Entry extends Place {
  state: State;
  jobId: string;
  /** Milliseconds since 1970; set for what has ended. */
  endedAt?: number;
  /** Place in its list; set for what has not ended. */
  index?: number;
}

const finishedPosition = z.strictObject({
  endedAt: z.number(),
  /** `<source>/<state>`; of another queue than the source's first `<source>.<shard>/<state>`. */
  stream: z.string(),
  jobId: z.string(),
});
export type FinishedPosition = z.output<typeof finishedPosition>;

const unfinishedPosition = z.strictObject({
  source: z.string(),
  /** Cursors of one queue have none. */
  shard: z.int().min(0).optional(),
  state: z.enum(STATES),
  index: z.int().min(0),
  jobId: z.string(),
});
export type UnfinishedPosition = z.output<typeof unfinishedPosition>;

export const positionSchema = z.union([finishedPosition, unfinishedPosition]);
export type Position = z.output<typeof positionSchema>;

/** Where a walk goes on that was left behind this entry. */
export function positionOf({ source, shard, state, jobId, endedAt, index }: Entry): Position {
  if (endedAt !== undefined) return { endedAt, stream: streamName({ source, shard }, state), jobId };
  return { source, ...(shard > 0 && { shard }), state, index: index ?? 0, jobId };
}

/** The name of one queue's set of jobs in one state. */
export function streamName({ source, shard }: Place, state: State): string {
  return `${shardLabel(source, shard)}/${state}`;
}

export function isFinished(position: Position): position is FinishedPosition {
  return 'endedAt' in position;
}

export function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws {HooklineError} when it is no cursor of ours */
export function decodeCursor(cursor: string): Position {
  try {
    return positionSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (error) {
    throw new HooklineError('HKL_ERR_INVALID_PARAMETERS', {
      cause: error,
      detail: 'cursor: expected the cursor of the page before.',
    });
  }
}
