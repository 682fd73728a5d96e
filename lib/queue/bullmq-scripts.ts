/**
 * Our scripts that contain BullMQ's own, so that what they do to a queue is exactly what BullMQ does. They lean on
 * the form of its scripts: each is checked when this module is loaded, and a BullMQ in which one has changed does
 * not start.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

/** One of BullMQ's Lua scripts, as it is or with some of it replaced. */
export interface BullScript {
  name: string;
  content: string;
}

/** BullMQ's package has no `exports` and its index leaves the scripts out; this is the folder its code reads them from. */
const scripts = createRequire(import.meta.url)('bullmq/dist/cjs/scripts/index.js') as Record<
  string,
  (BullScript & { keys: number }) | undefined
>;

/** A script of BullMQ's is not what ours are made for. */
export class BullMqFormError extends Error {
  override name = 'BullMqFormError';
}

/**
 * Lua: `moveToDelayed(base, id, token, now, delay)`, BullMQ's move from active to delayed, which counts no attempt.
 * `base` is the beginning of the queue's keys with its colon, times are milliseconds. 0, or a negative code.
 */
export const MOVE_TO_DELAYED = asFunction('moveToDelayed', {
  script: scriptOf('moveToDelayed', 11),
  parameters: 'base, id, token, now, delay',
  keys: [
    'marker',
    'active',
    'prioritized',
    'delayed',
    'job',
    'events',
    'meta',
    'stalled',
    'wait',
    'rate limiter',
    'pc',
  ],
  argv: "{base, now, id, token, delay, '1', '', '0', ''}",
});

/**
 * Lua: `promoteFirst(base, id)`, BullMQ's promote from delayed to wait, except that the job is the next to be taken
 * rather than the last. 0, or -3 when the job is not delayed.
 */
export const PROMOTE_FIRST = asFunction('promoteFirst', {
  script: withReplaced(scriptOf('promote', 9), [
    'addJobInTargetList(KEYS[2], markerKey, "LPUSH", ',
    'addJobInTargetList(KEYS[2], markerKey, "RPUSH", ',
  ]),
  parameters: 'base, id',
  keys: ['delayed', 'wait', 'paused', 'meta', 'prioritized', 'active', 'pc', 'event stream', 'marker'],
  argv: '{base, id}',
});

/** @throws {BullMqFormError} when there is no such script, or it takes another number of keys */
export function scriptOf(name: string, keys: number): BullScript {
  const script = scripts[name];
  if (script?.keys !== keys) throw changed(name, `it takes ${script?.keys ?? 'no'} keys instead of ${keys}`);
  return script;
}

/**
 * Stops where a script of BullMQ's is another one than ours stands in for.
 * @throws {BullMqFormError}
 */
export function requireScript(name: string, { keys, sha256 }: { keys: number; sha256: string }): void {
  const found = createHash('sha256').update(scriptOf(name, keys).content).digest('hex');
  if (found !== sha256) throw changed(name, `its SHA-256 is ${found} instead of ${sha256}`);
}

/**
 * The script with some of its texts replaced, one after the other.
 * @throws {BullMqFormError} when a text is not there, or more than once
 */
export function withReplaced(
  { name, content }: BullScript,
  ...replacements: Array<[from: string, to: string]>
): BullScript {
  const replaced = replacements.reduce((text, [from, to]) => {
    const parts = text.split(from);
    if (parts.length !== 2) throw changed(name, `it does not have once: ${from.trim()}`);
    return parts.join(to);
  }, content);
  return { name, content: replaced };
}

/**
 * @param keys what its first keys are, as the comment that opens it names them
 * @throws {BullMqFormError} when one of them is another
 */
export function checkKeys({ name, content }: BullScript, keys: string[]): void {
  for (const [index, key] of keys.entries()) {
    if (!new RegExp(`KEYS\\[${index + 1}\\] '?${key}`).test(content)) {
      throw changed(name, `its key ${index + 1} is not ${key}`);
    }
  }
}

interface Wrapping {
  script: BullScript;
  parameters: string;
  /** The script's keys as the comment that opens it names them. */
  keys: string[];
  /** The script's arguments, in Lua. */
  argv: string;
}

/** A Lua function with a whole script for its body. */
function asFunction(name: string, { script, parameters, keys, argv }: Wrapping): string {
  checkKeys(script, keys);
  return `local function ${name}(${parameters})
local KEYS, ARGV = {${keys.map(spell).join(', ')}}, ${argv}
${script.content}
end`;
}

/** How a key that BullMQ's comments name is written in Lua. */
function spell(key: string): string {
  if (key === 'job') return 'base .. id';
  return `base .. '${{ 'event stream': 'events', 'rate limiter': 'limiter' }[key] ?? key}'`;
}

/** What is thrown when a script is not as ours need it. */
export function changed(name: string, how: string): BullMqFormError {
  return new BullMqFormError(
    `BullMQ's script ${name} is not as this version of Hookline needs it: ${how}. ` +
      'Install the version of bullmq that package-lock.json names, or adapt our scripts that contain it.',
  );
}
