/** The forms of REDIS_URL: one Redis, one that Sentinels watch, or a Cluster. */

export interface Host {
  host: string;
  port: number;
}

interface Login {
  /** An ACL user of Redis; without one the password is that of the default user. */
  username?: string;
  password?: string;
}

export type RedisAddress =
  | { form: 'single'; url: string }
  | (Login & {
      form: 'sentinel';
      tls: boolean;
      sentinels: Host[];
      /** What the Sentinels call the primary. */
      name: string;
      db: number;
      /** What the Sentinels themselves ask for. */
      sentinelUsername?: string;
      sentinelPassword?: string;
    })
  | (Login & { form: 'cluster'; tls: boolean; nodes: Host[] });

/** What is wrong with a REDIS_URL. The message shows nothing of it, as it may hold a password. */
export class RedisAddressError extends Error {
  override name = 'RedisAddressError';
}

const SINGLE = 'a URL such as redis://host:6379/0 or rediss://user:password@host:6379';
const SENTINEL = 'redis+sentinel://user:password@host1:26379,host2:26379/name-of-the-primary/0';
const CLUSTER = 'redis+cluster://user:password@host1:6379,host2:6379';

/** Several hosts are no URL: scheme, login, hosts, path, query. A login ends at the last @, as in a URL. */
const SEVERAL = /^(rediss?)\+(\w+):\/\/(?:([^/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const HOST = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;

/** @throws {RedisAddressError} saying what was expected */
export function parseRedisAddress(text: string): RedisAddress {
  if (/^rediss?:\/\//.test(text)) {
    if (!URL.canParse(text) || new URL(text).hostname === '')
      throw new RedisAddressError(`expected ${SINGLE}`);
    return { form: 'single', url: text };
  }
  const [, scheme, form, login, hosts = '', path = '', query = ''] = SEVERAL.exec(text) ?? [];
  const common = { tls: scheme === 'rediss', ...readLogin(login) };
  if (form === 'sentinel') {
    return {
      form,
      ...common,
      sentinels: readHosts(hosts, 26_379),
      ...readPrimary(path),
      ...readQuery(query),
    };
  }
  if (form === 'cluster') {
    if (!['', '0'].includes(path) || query !== '')
      throw new RedisAddressError(
        `expected nothing after the hosts, as a Cluster has no databases: ${CLUSTER}`,
      );
    return { form, ...common, nodes: readHosts(hosts, 6_379) };
  }
  throw new RedisAddressError(`expected ${SINGLE}, or ${SENTINEL}, or ${CLUSTER}`);
}

/**
 * In a Cluster all that one script touches must be in one slot, which is told by a part of the key in braces.
 * Elsewhere, and where the prefix has such a part, it stays as it is.
 */
export function prefixFor(redisUrl: string | undefined, prefix: string): string {
  const isCluster = redisUrl !== undefined && parseRedisAddress(redisUrl).form === 'cluster';
  return isCluster && !/\{[^}]+\}/.test(prefix) ? `{${prefix.replace(/[{}]/g, '')}}` : prefix;
}

function readLogin(login: string | undefined): Login {
  if (login === undefined || login === '') return {};
  const [username = '', ...password] = login.split(':');
  return {
    ...(username && { username: decode(username) }),
    ...(password.length > 0 && { password: decode(password.join(':')) }),
  };
}

function readHosts(hosts: string, defaultPort: number): Host[] {
  return hosts.split(',').map((text) => {
    const [, host, port = String(defaultPort)] = HOST.exec(text.trim()) ?? [];
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
      throw new RedisAddressError('expected host:port,host:port,… before the path');
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
}

function readPrimary(path: string): { name: string; db: number } {
  const [name = '', db = '0', ...rest] = path.split('/');
  if (name === '' || rest.length > 0 || !/^\d{1,4}$/.test(db))
    throw new RedisAddressError(
      `expected the name of the primary, and a database if it is not 0: ${SENTINEL}`,
    );
  return { name: decode(name), db: Number(db) };
}

function readQuery(query: string): { sentinelUsername?: string; sentinelPassword?: string } {
  const found: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'sentinelUsername' && name !== 'sentinelPassword')
      throw new RedisAddressError('expected no parameters but sentinelUsername and sentinelPassword');
    found[name] = value;
  }
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisAddressError('expected % only before two hexadecimal digits: write %25 for itself');
  }
}
