import { z } from 'zod';
import { parseDuration } from './settings/units.js';

/** Milliseconds, or a text such as `30s`, `5m`, `1.5h`, `2d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Longer waits than this are a mistake in a unit; BullMQ's scores stay exact far beyond it. */
const LONGEST = 365 * 86_400_000;

/** Whole milliseconds, or `undefined` when it is no duration from 0 to 365 days. */
export function toMilliseconds(duration: unknown): number | undefined {
  const value = typeof duration === 'string' ? parseDuration(duration) : duration;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > LONGEST) return undefined;
  return Math.round(value);
}

/** A duration in a handler's module: milliseconds or a text such as `30s`; milliseconds in the code. */
export function durationOption({ min, max = LONGEST }: { min: number; max?: number }) {
  return z.custom<Duration>().transform((given, context): number => {
    const value = toMilliseconds(given);
    if (value !== undefined && value >= min && value <= max) return value;
    context.addIssue({
      code: 'custom',
      message: `expected milliseconds or a text such as 30s, 5m, 1h, from ${min} to ${max} ms`,
    });
    return z.NEVER;
  });
}
