import { z } from 'zod';
import { parseRate, rate, type Rate } from './units.js';

/** What all workers together may do with one source's events. `undefined`: no limit. */
export interface SourceLimits {
  /** How many are in hand at once. */
  concurrency: number | undefined;
  /** At most `max` begin in any one stretch of `per` milliseconds. */
  rate: { max: number; per: number } | undefined;
}

/** The settings `<SOURCE>_CONCURRENCY`, `<SOURCE>_HANDLE_RATE` and `<SOURCE>_RATE_LIMIT`, which every source has. */
export function sourceLimits(source: string) {
  const names = namesOf(source);
  return {
    [names.concurrency]: z
      .string()
      .regex(/^[1-9]\d{0,4}$/, 'expected a whole number from 1 to 99999')
      .transform(Number)
      .optional(),
    [names.handleRate]: z
      .string()
      .transform((text, context) => {
        const found = parseRate(text);
        if (found) return found;
        context.addIssue({ code: 'custom', message: 'expected a rate such as 200/s or 1000/10m' });
        return z.NEVER;
      })
      .optional(),
    [names.rateLimit]: rate().optional(),
  };
}

/** The checked settings of a source → what its workers keep to. */
export function readLimits(source: string, settings: Record<string, unknown>): SourceLimits {
  const { concurrency, handleRate } = namesOf(source);
  return {
    concurrency: settings[concurrency] as SourceLimits['concurrency'],
    rate: settings[handleRate] as SourceLimits['rate'],
  };
}

/** The checked settings of a source → how many of its authentic deliveries are taken. `undefined`: all. */
export function readRateLimit(source: string, settings: Record<string, unknown>): Rate | undefined {
  return settings[namesOf(source).rateLimit] as Rate | undefined;
}

function namesOf(source: string) {
  const prefix = source.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return {
    concurrency: `${prefix}_CONCURRENCY`,
    handleRate: `${prefix}_HANDLE_RATE`,
    rateLimit: `${prefix}_RATE_LIMIT`,
  };
}
