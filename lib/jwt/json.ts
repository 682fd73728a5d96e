export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text as a JSON object, or `undefined` for anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Strings whole, so that what they contain is not taken for structure. */
const STRUCTURE = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** Does valid JSON text of an object name a member twice, however it is escaped? Nested objects are not looked into. */
export function hasDuplicateMembers(json: string): boolean {
  const names = new Set<unknown>();
  let depth = 0;
  let lastString = '';
  for (const [part] of json.matchAll(STRUCTURE)) {
    if (part === '{' || part === '[') depth += 1;
    else if (part === '}' || part === ']') depth -= 1;
    else if (part !== ':') lastString = part;
    else if (depth === 1) {
      const name: unknown = JSON.parse(lastString);
      if (names.has(name)) return true;
      names.add(name);
    }
  }
  return false;
}
