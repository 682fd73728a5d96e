/** Deeper results than this are taken for a mistake (a whole object graph). */
const MAX_DEPTH = 50;

/**
 * Why a value would not come back from JSON as it went in: the place and what is there, such as
 * `result.charge.created is a Date`; `undefined` when it would. Members that are `undefined` are let through, as
 * JSON leaves them out.
 */
export function whyNotJson(value: unknown, at = 'the result', above: object[] = []): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${at} is ${value}`;
    case 'object':
      return value === null ? undefined : whyNotJsonObject(value, at, above);
    default:
      return `${at} is a ${typeof value}`;
  }
}

function whyNotJsonObject(value: object, at: string, above: object[]): string | undefined {
  if (above.includes(value)) return `${at} contains itself`;
  if (above.length === MAX_DEPTH) return `${at} is nested more than ${MAX_DEPTH} deep`;
  const inside = [...above, value];
  if (Array.isArray(value)) {
    return firstOf(value.entries(), ([index, item]) =>
      item === undefined ? `${at}[${index}] is undefined` : whyNotJson(item, `${at}[${index}]`, inside),
    );
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    const name = (value.constructor as { name?: string } | undefined)?.name;
    return `${at} is a ${name || 'class instance'}`;
  }
  return firstOf(Object.entries(value), ([name, member]) => whyNotJson(member, `${at}.${name}`, inside));
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return undefined;
}
