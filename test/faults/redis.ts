/** A real Redis with an append-only file, to be killed, frozen and robbed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { findRedisProgram } from '../../lib/store/redis-process.js';
import { freePort } from '../process/relay.js';
import { until } from '../support/deliveries.js';
import { temporaryFolder, type Owner } from '../support/store.js';

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #program: string;
  #child: ChildProcess | undefined;

  static async start(owner: Owner): Promise<RedisServer> {
    const program = await findRedisProgram();
    if (program === undefined) throw new Error('the fault suite needs redis-server or valkey-server on PATH');
    const redis = new RedisServer(program, await temporaryFolder(owner), await freePort());
    owner.teardown(() => redis.kill());
    await redis.start();
    return redis;
  }

  private constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.port = port;
  }

  async start(): Promise<void> {
    const settings = [
      '--appendonly',
      'yes',
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
      '--loglevel',
      'warning',
    ];
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    this.#child = spawn(this.#program, [...place, ...settings], { stdio: 'ignore' });
    await until('Redis to be up', () =>
      this.tell('PING').then(
        (reply) => reply === 'PONG',
        () => false,
      ),
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  /** One command on a connection of its own. */
  async tell(...[command, ...args]: [command: string, ...args: string[]]): Promise<unknown> {
    return this.use((redis) => redis.call(command, ...args));
  }

  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.port, '127.0.0.1', { retryStrategy: null, maxRetriesPerRequest: 0 });
    redis.on('error', () => {});
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
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
