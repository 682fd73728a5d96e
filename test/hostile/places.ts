/** Everywhere that something secret could end up: each place as one text under its name. */
import type { Redis } from 'ioredis';

export type Places = Map<string, string>;

/** Every key of a Redis with all that it holds. */
export async function dumpRedis(redis: Redis): Promise<Places> {
  const dump: Places = new Map();
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    if (type === 'hash') {
      for (const [field, value] of Object.entries(await redis.hgetall(key)))
        dump.set(`${key} ${field}`, value);
    } else dump.set(key, JSON.stringify(await read(redis, key, type)));
  }
  return dump;
}

function read(redis: Redis, key: string, type: string): Promise<unknown> {
  if (type === 'string') return redis.get(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, 0, '-1', 'WITHSCORES');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  throw new Error(`${key} is a ${type}, which is not read here`);
}

const STATES = ['active', 'waiting', 'completed', 'failed', 'delayed', 'latest'];

interface Board {
  queues: Array<{ name: string; jobs: Array<{ id: string }> }>;
}

/** The dashboard as its pages have it: HTML, lists of every state, every job and its log, and the admin API. */
export async function readAdmin(address: string, headers: Record<string, string>): Promise<Places> {
  const pages: Places = new Map();
  const get = async (path: string) => {
    const answer = await fetch(address + path, { headers });
    const text = await answer.text();
    pages.set(`GET ${path}`, `${answer.status} ${JSON.stringify([...answer.headers])} ${text}`);
    return text;
  };
  await get('/admin/queues');
  await get('/admin/queues/api/redis/stats');
  for (const source of ['petstore', 'pitchpoint', 'pce']) {
    await get(`/admin/queues/queue/${source}`);
    for (const state of STATES) {
      const list = `/admin/queues/api/queues?activeQueue=${source}&status=${state}&page=1&jobsPerPage=100`;
      const { queues } = JSON.parse(await get(list)) as Board;
      for (const { id } of queues.find(({ name }) => name === source)?.jobs ?? []) {
        const job = `/admin/queues/api/queues/${source}/${encodeURIComponent(id)}`;
        await get(job);
        await get(`${job}/logs`);
      }
    }
  }
  const { deliveries } = JSON.parse(await get('/admin/api/deliveries?limit=200')) as {
    deliveries: Array<{ source: string; id: string }>;
  };
  for (const { source, id } of deliveries)
    await get(`/admin/api/deliveries/${source}/${encodeURIComponent(id)}`);
  return pages;
}

/** Where in these places a text is found, in any of the forms in which it may have been written. */
export function findIn(places: Places, secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const forms = [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('hex'),
  ];
  return [...places].filter(([, text]) => forms.some((form) => text.includes(form))).map(([name]) => name);
}
