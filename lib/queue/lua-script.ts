import { createHash } from 'node:crypto';
import type { RedisConnection } from './connection.js';

export type Argument = string | number | Buffer;

/** A Lua script, sent in full only where the server does not have it yet. */
export class LuaScript {
  readonly lua: string;
  readonly #sha: string;

  constructor(...parts: string[]) {
    this.lua = parts.join('\n');
    this.#sha = createHash('sha1').update(this.lua).digest('hex');
  }

  /** The script's reply. @throws what the script or the connection does */
  async run(redis: RedisConnection, keys: string[], args: Argument[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.lua, keys.length, ...keys, ...args);
    }
  }

  /**
   * The script's reply and that of a command sent in one go behind it: on one connection, to the script's node. Where
   * the connection ends between the two, the command is not sent again on another one.
   * @throws what either of them does; also where the server does not have the script, or a Cluster has moved its keys
   */
  async runWith(
    redis: RedisConnection,
    keys: string[],
    args: Argument[],
    [command, ...rest]: [string, ...string[]],
  ): Promise<unknown[]> {
    const pipeline = redis.pipeline().evalsha(this.#sha, keys.length, ...keys, ...args);
    const replies = (await pipeline.call(command, ...rest).exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    return replies.map(([, reply]) => reply);
  }
}
