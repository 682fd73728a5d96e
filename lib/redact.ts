/** Names of headers and fields whose values are credentials, whoever sends them. */
const CREDENTIAL =
  /authori[sz]ation|cookie|token|secret|signature|passw|credential|api-?_?key|private-?_?key|session|jwt|^pin$|cvv|cvc|^card_?number$|subscribeurl/i;

/** Names that were asked for lately: requests bring the same few again and again, and strangers bring any. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 1_000;

export function isCredentialName(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const answer = CREDENTIAL.test(name);
  if (known.size < MAX_KNOWN && name.length < 100) known.set(name, answer);
  return answer;
}

const MASK = '***';

const NONE: ReadonlySet<string> = new Set();

/**
 * A copy of parsed JSON in which every member with a credential's name is masked, or with one of `masked` (in lower
 * case), inside texts that are JSON themselves too. Depth is bounded.
 */
export function redact(value: unknown, masked = NONE, depth = 0): unknown {
  if (depth > 50) return MASK;
  if (typeof value === 'string') return redactText(value, masked, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, masked, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      isMasked(name, masked) ? MASK : redact(item, masked, depth + 1),
    ]),
  );
}

export function isMasked(name: string, masked: ReadonlySet<string>): boolean {
  return isCredentialName(name) || (masked.size > 0 && masked.has(name.toLowerCase()));
}

/** What SNS carries is JSON in a text. */
function redactText(text: string, masked: ReadonlySet<string>, depth: number): string {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(redact(JSON.parse(text), masked, depth + 1));
  } catch {
    return text;
  }
}
