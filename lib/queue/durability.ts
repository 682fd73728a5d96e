/**
 * What Redis must have done with an event before its sender is answered 200. docs/reliability.md tells the promise and
 * the price of each.
 * - `redis`: it has executed the write; when that is on its disk is up to `appendfsync`.
 * - `fsync`: its append-only file is synced too (WAITAOF; Redis 7.2, Valkey).
 * - `replica`: a replica has it too (WAIT).
 * - `replica-fsync`: both append-only files are synced (WAITAOF).
 */
export const DURABILITIES = ['redis', 'fsync', 'replica', 'replica-fsync'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The command that waits for it, sent behind the writes of the same connection; `timeout` in milliseconds. */
export function waitCommand(durability: Durability, timeout: number): [string, ...string[]] | undefined {
  if (durability === 'redis') return undefined;
  if (durability === 'replica') return ['WAIT', '1', String(timeout)];
  return ['WAITAOF', '1', durability === 'fsync' ? '0' : '1', String(timeout)];
}

/** Does the reply of that command say that it is so? WAIT tells how many replicas, WAITAOF how many disks and replicas. */
export function isDurable(durability: Durability, reply: unknown): boolean {
  if (durability === 'redis') return true;
  if (durability === 'replica') return Number(reply) >= 1;
  const [local, replicas] = Array.isArray(reply) ? reply.map(Number) : [0, 0];
  return (local ?? 0) >= 1 && (durability === 'fsync' || (replicas ?? 0) >= 1);
}
