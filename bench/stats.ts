/** The middle value; the mean of the two in the middle where there are two. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? NaN) + high) / 2;
}

/** The value below which the share `p` (0 to 1) lies. */
export function percentile(sorted: Float64Array, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN;
}

/** Median and range over rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(values: number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * Ratios round by round, as the two were measured next to each other, rather than of medians: what slows the
 * machine down slows both.
 */
export function ratios(subject: number[], control: number[]): Spread {
  return spreadOf(subject.map((value, round) => value / (control[round] ?? NaN)));
}
