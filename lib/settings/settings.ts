import { z } from 'zod';
import { prefixFor } from '../queue/redis-address.js';
import type { SourceDefinition } from '../source.js';
import { readFiles } from './files.js';
import { baseShape, checkCombinations, type BaseSettings } from './schema.js';
import {
  checkShards,
  readLimits,
  readRateLimit,
  readShards,
  sourceLimits,
  type SourceLimits,
} from './source-limits.js';
import type { Rate } from './units.js';

/** All settings: the base ones typed, the sources' own under their names. */
export interface Settings extends BaseSettings {
  /** Settings of each source by the source's name, as its own schema types them. */
  sources: Record<string, Record<string, unknown>>;
  /** `<SOURCE>_CONCURRENCY` and `<SOURCE>_HANDLE_RATE` by the source's name: what the workers keep to. */
  limits: Record<string, SourceLimits>;
  /** How many authentic deliveries of a source are taken: `<SOURCE>_RATE_LIMIT`, where it is set. */
  rateLimits: Record<string, Rate>;
  /** Over how many queues each source is spread, by its name. */
  shards: Record<string, number>;
  /** The files that settings were read from: `X_FILE` for the setting `X`. */
  files: string[];
}

/** One or more settings are wrong. The message names each variable, what was expected and what was given. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

type Environment = Record<string, string | undefined>;

/**
 * Checks the environment against the one schema: the base settings and those of every source.
 * A variable that is set to the empty string counts as not set, as docker-compose passes those.
 * @throws {SettingsError}
 */
export function parseSettings(environment: Environment, definitions: SourceDefinition[]): Settings {
  const { values, files, problems: wrongFiles } = readFiles(environment, namesOf(definitions));
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value?.trim()));
  const problems = wrongFiles.map(([variable, problem]) => describe(variable, problem, given));
  const base = parseShape(baseShape, given, problems);
  const sources: Settings['sources'] = {};
  const limits: Settings['limits'] = {};
  const rateLimits: Settings['rateLimits'] = {};
  const shards: Settings['shards'] = {};
  for (const definition of definitions) {
    const { name } = definition;
    const limiting = parseShape(sourceLimits(name), given, problems);
    if (limiting) {
      limits[name] = readLimits(name, limiting);
      shards[name] = readShards(name, limiting) ?? base?.QUEUE_SHARDS ?? 1;
      for (const [variable, problem] of checkShards(name, limiting, shards[name]))
        problems.push(describe(variable, problem, given));
    }
    const taken = limiting && readRateLimit(name, limiting);
    if (taken) rateLimits[name] = taken;
    const own = parseShape(definition.settings, given, problems);
    if (!own) continue;
    sources[definition.name] = own;
    for (const [variable, problem] of definition.check?.(own) ?? [])
      problems.push(describe(variable, problem, given));
  }
  if (base) {
    for (const [variable, problem] of checkCombinations(base))
      problems.push(describe(variable, problem, given));
    if (/[{}]/.test(base.QUEUE_PREFIX) && Object.values(shards).some((number) => number > 1)) {
      const problem =
        'expected no { or } with QUEUE_SHARDS above 1, since each shard has a hash tag of its own';
      problems.push(describe('QUEUE_PREFIX', problem, given));
    }
  }
  if (!base || problems.length > 0) {
    throw new SettingsError(`Settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
  const prefix = prefixFor(base.REDIS_URL, base.QUEUE_PREFIX);
  return { ...base, QUEUE_PREFIX: prefix, sources, limits, rateLimits, shards, files: [...files.values()] };
}

/** Every variable that is a setting. */
function namesOf(definitions: SourceDefinition[]): string[] {
  const own = definitions.flatMap(({ name, settings }) => [
    ...Object.keys(settings),
    ...Object.keys(sourceLimits(name)),
  ]);
  return [...Object.keys(baseShape), ...own];
}

function parseShape<Shape extends z.ZodRawShape>(shape: Shape, given: Environment, problems: string[]) {
  const result = z.object(shape).safeParse(given);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    problems.push(describe(String(issue.path[0]), issue.message.replace(/^Invalid \w+: /, ''), given));
  }
  return undefined;
}

function describe(variable: string, problem: string, given: Environment): string {
  return `${variable}: ${problem}; given: ${mask(variable, given[variable])}`;
}

/** Secrets are shown by their length only, and of an address nothing that may be a part of its password. */
function mask(variable: string, value: string | undefined): string {
  if (value === undefined) return 'nothing';
  // A secret that was put where its path belongs has no slash, most likely.
  const secret = variable.endsWith('_FILE')
    ? !value.includes('/')
    : /(?:SECRET|PASSWORD|TOKEN|USER)$/.test(variable);
  if (secret) return `*** (${value.length} characters)`;
  const shown = value.replace(/^.*@/s, '***@').replace(/\?.*$/s, '?***');
  return JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown);
}
