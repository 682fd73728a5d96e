/** The redis-server of tests that need one of their own, to kill it or to start several. */
import { findRedisProgram } from '../../lib/store/redis-process.js';

/** `EMBEDDED_STORE=wasm` is a machine without one, whatever is on PATH. */
export const redisProgram = process.env['EMBEDDED_STORE'] === 'wasm' ? undefined : await findRedisProgram();

/** Why such tests cannot run; `false` where they can. */
export const noRedis =
  redisProgram === undefined &&
  'there is no redis-server or valkey-server on PATH, or EMBEDDED_STORE says to do without';
