/** A real Redis with an append-only file, to be killed, frozen and robbed. */
import { readFile, readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../process/relay.js';
import { redisProgram } from '../support/redis-program.js';
import { RedisServer } from '../support/redis-server.js';
import { temporaryFolder, type Owner } from '../support/store.js';

const SETTINGS = '--appendonly yes --save  --maxmemory-policy noeviction --loglevel warning'.split(' ');

export class DurableRedis extends RedisServer {
  readonly #folder: string;

  static async open(owner: Owner): Promise<DurableRedis> {
    if (redisProgram === undefined)
      throw new Error('the fault suite needs redis-server or valkey-server on PATH');
    const redis = new DurableRedis(redisProgram, await temporaryFolder(owner), await freePort());
    owner.teardown(() => redis.kill());
    await redis.start();
    return redis;
  }

  private constructor(program: string, folder: string, port: number) {
    super(program, port);
    this.#folder = folder;
  }

  protected override args(): string[] {
    return ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, ...SETTINGS];
  }

  /** Kills it, cuts bytes off its file, and starts it again. Answers what Redis has lost of it by that. */
  async restartWithout(bytes: number): Promise<string> {
    await this.kill();
    const folder = path.join(this.#folder, 'appendonlydir');
    const name = (await readdir(folder)).findLast((one) => one.endsWith('.incr.aof')) ?? '';
    const file = path.join(folder, name);
    const before = await readFile(file);
    await truncate(file, Math.max(0, before.length - bytes));
    await this.start();
    return before.subarray(startOfLoss(before, before.length - bytes)).toString('latin1');
  }
}

/** Redis itself cuts off the transaction that is not whole any more. */
function startOfLoss(file: Buffer, cut: number): number {
  const begun = file.lastIndexOf('MULTI\r\n', cut);
  const ended = file.lastIndexOf('EXEC\r\n', cut);
  return begun > ended ? begun : Math.max(0, cut);
}
