import { createHash } from 'node:crypto';
import { dedupeKey } from './names.js';

/** A source over more queues than this is a mistake: each worker process has a connection for every one. */
export const MOST_SHARDS = 64;

/** How BullMQ is told of one shard of a source. */
export interface ShardName {
  prefix: string;
  /** The queue's name. */
  name: string;
  /** The beginning of all of its keys, colon included. */
  base: string;
}

/**
 * Shard 0 has the keys of a source that is not spread (`hookline:petstore:…`, in a Cluster `{hookline}:petstore:…`);
 * every other has a hash tag, and so a slot, of its own: `hookline:{petstore.1}:…`.
 */
export function shardName(prefix: string, source: string, index: number): ShardName {
  if (index === 0) return { prefix, name: source, base: `${prefix}:${source}:` };
  // Of several hash tags in one key the first counts.
  const plain = prefix.replace(/[{}]/g, '');
  const name = `{${shardLabel(source, index)}}`;
  return { prefix: plain, name, base: `${plain}:${name}:` };
}

/** How people, cursors and fields are told of a shard: `petstore`, `petstore.1`, … */
export function shardLabel(source: string, index: number): string {
  return index === 0 ? source : `${source}.${index}`;
}

/** Which of so many shards is the home of a webhook id. */
export function homeOf(id: string, number: number): number {
  if (number === 1) return 0;
  return createHash('sha256').update(dedupeKey(id)).digest().readUInt32BE() % number;
}
