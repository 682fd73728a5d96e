import { changed, checkKeys, scriptOf } from '../queue/bullmq-scripts.js';

/**
 * One of BullMQ's own Lua scripts as a Lua function of `KEYS` and `ARGV`, to be part of a script of ours: what it
 * does to a queue is then exactly what BullMQ does.
 * @param keys what its keys are, in order, as the comment that opens it says
 * @throws {BullMqFormError} when this BullMQ's script is another one
 */
export function bullFunction(lua: string, name: string, keys: string[], args: number): string {
  const script = scriptOf(name, keys.length);
  checkKeys(script, keys);
  if (!script.content.includes(`ARGV[${args}]`) || script.content.includes(`ARGV[${args + 1}]`)) {
    throw changed(name, `it does not take ${args} arguments`);
  }
  return `local function ${lua}(KEYS, ARGV)\n${script.content}\nend`;
}
