/** Processes of `redis-server`, alone, in a Cluster or as Sentinels. Each lets in ACL users only. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../process/relay.js';
import { redisProgram } from '../support/redis-program.js';
import { RedisServer, type Login } from '../support/redis-server.js';
import { temporaryFolder, type Owner } from '../support/store.js';
import type { Certificate } from './certificate.js';

/** What the tests themselves log in with. */
export const LOGIN = { username: 'operator', password: 'all-rights' };
/** Hookline's login, as in a URL: the password has letters that a URL cannot hold as they are. */
export const IN_URL = `hookline:${encodeURIComponent('s3cr@t:/')}`;
/** Hookline may do what docs/deploying.md says, with the prefix `shop`. */
const RIGHTS = '~shop:* ~{shop}:* +@all -@dangerous +info +config|get';

const ACL = [
  // Off, with all rights: it is whose rights Redis checks when it loads its append-only file.
  'user default off ~* &* +@all',
  `user ${LOGIN.username} on >${LOGIN.password} ~* &* +@all`,
  `user hookline on >s3cr@t:/ ${RIGHTS}`,
];

export interface ServerOptions {
  sentinel?: boolean;
  /** Listens with TLS only, and asks nobody for a certificate. */
  tls?: Certificate;
}

export class Server extends RedisServer {
  readonly #file: string;
  readonly #options: ServerOptions;

  /** Starts one with these lines of configuration; it is killed with its owner. */
  static async open(owner: Owner, lines: string[], options: ServerOptions = {}): Promise<Server> {
    const folder = await temporaryFolder(owner);
    const file = path.join(folder, 'redis.conf');
    const server = new Server(redisProgram ?? '', file, await freePort(), options);
    // A Sentinel does not know all the commands that Hookline may send to Redis.
    const users = options.sentinel ? ACL.slice(0, 2) : ACL;
    const common = ['bind 127.0.0.1', `dir ${folder}`, 'loglevel warning', 'save ""', ...users];
    await writeFile(file, [...listening(server.port, options.tls), ...common, ...lines, ''].join('\n'));
    owner.teardown(() => server.kill());
    await server.start();
    return server;
  }

  private constructor(program: string, file: string, port: number, options: ServerOptions) {
    super(program, port);
    this.#file = file;
    this.#options = options;
  }

  protected override args(): string[] {
    return [this.#file, ...(this.#options.sentinel ? ['--sentinel'] : [])];
  }

  /** Starts it after a kill as another machine does that has got its disk: a node of a Cluster, at other ports. */
  async replace(): Promise<void> {
    const [port, bus] = [await freePort(), await freePort()];
    const text = await readFile(this.#file, 'utf8');
    await writeFile(
      this.#file,
      text.replace(/^port .*$/m, `port ${port}`).replace(/^cluster-port .*$/m, `cluster-port ${bus}`),
    );
    this.port = port;
    await this.start();
  }

  protected override async login(): Promise<Login> {
    const { tls } = this.#options;
    return { ...LOGIN, ...(tls && { tls: { ca: await readFile(tls.ca) } }) };
  }
}

function listening(port: number, tls: Certificate | undefined): string[] {
  if (!tls) return [`port ${port}`];
  const files = [`tls-cert-file ${tls.certificate}`, `tls-key-file ${tls.key}`, `tls-ca-cert-file ${tls.ca}`];
  const everywhere = ['tls-auth-clients no', 'tls-cluster yes', 'tls-replication yes'];
  return ['port 0', `tls-port ${port}`, ...files, ...everywhere];
}
