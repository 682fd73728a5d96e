/** The last time that was written: deliveries of one millisecond are many, and the time of one is written and read again. */
let written = { at: Number.NaN, text: '' };

/** Milliseconds since 1970 → ISO 8601, UTC. */
export function toIso(at: number): string {
  if (at !== written.at) written = { at, text: new Date(at).toISOString() };
  return written.text;
}

/** The same back. `NaN` for what is no time. */
export function fromIso(text: string): number {
  return text === written.text ? written.at : Date.parse(text);
}

const ISO =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(?:([Zz])|([+-])(\d{2}):?(\d{2}))?$/;

/**
 * A provider's timestamp → milliseconds since 1970, or `null` when it is none.
 *
 * Wider than `Date.parse`, which answers NaN to what .NET writes: `2024-01-1T10:00:00.7777748Z` has a
 * one-digit day and 100 ns ticks. Ranges are checked (no 30 February), a missing offset means UTC, and
 * fractions beyond a millisecond are cut off.
 */
export function parseTimestamp(text: string): number | null {
  if (text.length > 64) return null;
  const match = ISO.exec(text.trim());
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 60 || Number(match[10] ?? 0) > 23 || Number(match[11] ?? 0) > 59)
    return null;
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour, minute, second, milliseconds);
  return date.getTime() - offset(match);
}

function offset(match: RegExpExecArray): number {
  if (match[9] === undefined) return 0;
  const minutes = Number(match[10]) * 60 + Number(match[11]);
  return (match[9] === '-' ? -1 : 1) * minutes * 60_000;
}
