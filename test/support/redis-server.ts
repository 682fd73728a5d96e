/** One process of `redis-server`, to be told, killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import { until } from './deliveries.js';

export type Login = Pick<RedisOptions, 'username' | 'password' | 'tls'>;

export abstract class RedisServer {
  port: number;
  protected readonly program: string;
  #child: ChildProcess | undefined;

  protected constructor(program: string, port: number) {
    this.program = program;
    this.port = port;
  }

  /** Arguments of the program. */
  protected abstract args(): string[];

  /** How this test logs in, where it has to. */
  protected async login(): Promise<Login> {
    return {};
  }

  /** Answers when it takes commands. */
  async start(): Promise<void> {
    this.#child = spawn(this.program, this.args(), { stdio: 'ignore' });
    await until('Redis to be up', () =>
      this.tell('PING').then(
        (reply) => reply === 'PONG',
        () => false,
      ),
    );
  }

  /** SIGKILL, and answers when it is gone. */
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

  /** One command, on a connection of its own. */
  async tell(command: string, ...args: string[]): Promise<unknown> {
    return this.use((redis) => redis.call(command, ...args));
  }

  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis({
      host: '127.0.0.1',
      port: this.port,
      ...(await this.login()),
      retryStrategy: null,
      maxRetriesPerRequest: 0,
    });
    redis.on('error', () => {});
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
}
