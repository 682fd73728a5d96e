/** What a source's own handlers note for the operator and what outlives their jobs: one small hash in Redis. */
import type { SourceDefinition } from './source.js';

/** The part of a Redis client that notes need: that of ioredis, or BullMQ's own. */
export interface NotesClient {
  hset(key: string, fields: Record<string, string>): Promise<unknown>;
  hgetall(key: string): Promise<Record<string, string>>;
}

export interface Notes {
  /** Replaces what was noted under a name. */
  write(name: string, note: object): Promise<void>;
  /** Everything that is noted, as it was written; what is not JSON is left out. */
  read(): Promise<Map<string, unknown>>;
}

/** The notes of one source. The names come from the settings, so that there are few. */
export function openNotes(redis: NotesClient, prefix: string, source: string): Notes {
  const key = `${prefix}:notes:${source}`;
  return {
    async write(name, note) {
      await redis.hset(key, { [name]: JSON.stringify(note) });
    },
    async read() {
      const entries = Object.entries(await redis.hgetall(key));
      return new Map(
        entries.map(([name, text]) => [name, parse(text)] as const).filter(([, note]) => note !== undefined),
      );
    },
  };
}

/** The definitions with their handlers given notes: whoever only lists handlers needs no Redis. */
export function withNotes(
  definitions: SourceDefinition[],
  open: (source: string) => Notes,
): SourceDefinition[] {
  return definitions.map((definition) => ({
    ...definition,
    handlers: (settings) => definition.handlers?.(settings, { notes: open(definition.name) }) ?? [],
  }));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
