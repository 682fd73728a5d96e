import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

type Argument = string | number | Buffer;

/** A Lua script, sent in full only where the server does not have it yet. */
export class LuaScript {
  readonly lua: string;
  readonly #sha: string;

  constructor(...parts: string[]) {
    this.lua = parts.join('\n');
    this.#sha = createHash('sha1').update(this.lua).digest('hex');
  }

  /** The script's reply. @throws what the script or the connection does */
  async run(redis: Redis, keys: string[], args: Argument[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    }
  }
}
