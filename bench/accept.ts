import { Redis } from 'ioredis';
import { load, type LoadOptions, type LoadResult } from './load.js';
import { startControl, startHookline, type Subject } from './processes.js';
import type { Traffic } from './requests.js';

/** One server, one run of load. */
export interface AcceptRun extends LoadResult {
  /** Microseconds of the server's processor time per answer. */
  cpuMicros: number;
}

export interface AcceptScenario {
  name: string;
  traffic: () => Promise<Traffic>;
  /** `hookline` and the controls that know this traffic. */
  servers: string[];
  /** Of servers that need more environment than the traffic's. */
  environments?: Record<string, Record<string, string>>;
}

export interface AcceptOptions {
  redisUrl: string;
  rounds: number;
  /** Milliseconds of load for each server before the rounds. */
  warmUp: number;
  /** The same in each round. */
  duration: number;
  connections: number;
}

/**
 * Every server in every round, one after the other, each from an empty Redis. They stay up over all rounds, as
 * servers do.
 */
export async function measureAccept(
  { traffic: makeTraffic, servers, environments = {} }: AcceptScenario,
  { redisUrl, rounds, warmUp, duration, connections }: AcceptOptions,
): Promise<Record<string, AcceptRun[]>> {
  const traffic = await makeTraffic();
  const redis = new Redis(redisUrl);
  const subjects: Array<[string, Subject]> = [];
  try {
    const environment = { REDIS_URL: redisUrl, ...traffic.environment };
    for (const name of servers)
      subjects.push([name, await startServer(name, { ...environment, ...environments[name] })]);
    const runs = Object.fromEntries(servers.map((name) => [name, [] as AcceptRun[]]));
    for (const [, { port }] of subjects)
      await load({ port, connections, duration: warmUp, next: traffic.next });
    for (let round = 0; round < rounds; round += 1) {
      // There and back, so that what changes steadily meanwhile falls on all alike.
      for (const [name, subject] of round % 2 === 0 ? subjects : subjects.toReversed()) {
        await redis.flushdb();
        runs[name]?.push(await acceptOnce(subject, { connections, duration, next: traffic.next }));
      }
    }
    return runs;
  } finally {
    await Promise.all(subjects.map(([, subject]) => subject.stop()));
    redis.disconnect();
    await traffic.close();
  }
}

/** @throws where an answer is not 200 */
export async function acceptOnce(subject: Subject, options: Omit<LoadOptions, 'port'>): Promise<AcceptRun> {
  const before = subject.cpuSeconds();
  const result = await load({ port: subject.port, ...options });
  const refused = result.answers - (result.statuses['200'] ?? 0);
  if (refused > 0) throw new Error(`a server answered ${JSON.stringify(result.statuses)}`);
  return { ...result, cpuMicros: ((subject.cpuSeconds() - before) / result.answers) * 1e6 };
}

export function startServer(name: string, environment: Record<string, string>): Promise<Subject> {
  return name.startsWith('hookline')
    ? startHookline('receiver', environment)
    : startControl(name, environment);
}
