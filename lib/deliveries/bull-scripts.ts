import { createRequire } from 'node:module';

interface BullScript {
  content: string;
  keys: number;
}

/** BullMQ's package has no `exports` and its index leaves the scripts out; this is the folder its code reads them from. */
const scripts = createRequire(import.meta.url)('bullmq/dist/cjs/scripts/index.js') as Record<
  string,
  BullScript | undefined
>;

/**
 * One of BullMQ's own Lua scripts as a Lua function of `KEYS` and `ARGV`, to be part of a script of ours: what it
 * does to a queue is then exactly what BullMQ does.
 * @param keys what its keys are, in order, as the comment that opens it says
 * @throws when this BullMQ's script is another one
 */
export function bullFunction(lua: string, name: string, keys: string[], args: number): string {
  const script = scripts[name];
  const fits =
    script?.keys === keys.length &&
    keys.every((key, index) => new RegExp(`KEYS\\[${index + 1}\\] ${key}`).test(script.content)) &&
    script.content.includes(`ARGV[${args}]`) &&
    !script.content.includes(`ARGV[${args + 1}]`);
  if (!fits) {
    throw new Error(
      `BullMQ's script ${name} is not as this version of Hookline needs it. ` +
        'Install the version of bullmq that package-lock.json names, or adapt lib/deliveries/operations.ts.',
    );
  }
  return `local function ${lua}(KEYS, ARGV)\n${script.content}\nend`;
}
