/** What a handler asks of an event, in the order in which its parts count. */
export interface Selector {
  topic: string;
  subTopic?: string | undefined;
  tenantId?: string | undefined;
}

const PARTS = ['topic', 'subTopic', 'tenantId'] as const;

/** Does `pattern`, in which `*` stands for any run of characters, cover the whole of `text`? Linear in time. */
export function matchesPattern(pattern: string | undefined, text: string | null): boolean {
  if (pattern === undefined || pattern === '*') return true;
  if (text === null) return false;
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  const last = rest.pop() ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let position = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, position);
    if (found === -1 || found + piece.length > end) return false;
    position = found + piece.length;
  }
  return true;
}

/** 0 for anything, then by the number of characters that are fixed; an exact text beats every pattern. */
function rank(pattern: string | undefined): number {
  if (pattern === undefined) return 0;
  const fixed = pattern.replaceAll('*', '').length;
  return pattern.includes('*') ? fixed : Number.MAX_SAFE_INTEGER;
}

/**
 * Which of two selectors is the more specific: negative when `a` is. The topic counts first, then the
 * sub-topic, then the tenant; 0 means equally specific.
 */
export function compareSpecificity(a: Selector, b: Selector): number {
  for (const part of PARTS) {
    const difference = rank(b[part]) - rank(a[part]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Is there an event that both selectors take? */
export function overlap(a: Selector, b: Selector): boolean {
  return PARTS.every((part) => patternsOverlap(a[part] ?? '*', b[part] ?? '*'));
}

/** Is there a text that both patterns cover? Looks at each pair of positions once. */
export function patternsOverlap(a: string, b: string): boolean {
  let reachable = new Set([0]);
  for (let i = 0; i <= a.length; i += 1) {
    const next = new Set<number>();
    // Sets keep their order of insertion, so positions added while looping are looked at too.
    for (const j of reachable) {
      if (b[j] === '*') {
        reachable.add(j + 1);
        if (i < a.length) next.add(j);
      }
      if (i < a.length && a[i] === '*') {
        next.add(j);
        if (j < b.length) reachable.add(j + 1);
      } else if (i < a.length && j < b.length && a[i] === b[j]) {
        next.add(j + 1);
      }
    }
    if (i === a.length) break;
    reachable = next;
  }
  return reachable.has(b.length);
}
