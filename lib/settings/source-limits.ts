import { z } from 'zod';
import { MOST_SHARDS } from '../queue/shards.js';
import { parseRate, rate, wholeNumber, type Rate } from './units.js';

/** What all workers together may do with one source's events. `undefined`: no limit. */
export interface SourceLimits {
  /** How many are in hand at once. */
  concurrency: number | undefined;
  /** At most `max` begin in any one stretch of `per` milliseconds. */
  rate: { max: number; per: number } | undefined;
}

/**
 * The settings `<SOURCE>_CONCURRENCY`, `<SOURCE>_HANDLE_RATE`, `<SOURCE>_RATE_LIMIT` and `<SOURCE>_QUEUE_SHARDS`, which
 * every source has.
 */
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
    [names.queueShards]: wholeNumber({ min: 1, max: MOST_SHARDS }).optional(),
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

/** The checked settings of a source → over how many queues it is spread. `undefined`: as QUEUE_SHARDS says. */
export function readShards(source: string, settings: Record<string, unknown>): number | undefined {
  return settings[namesOf(source).queueShards] as number | undefined;
}

/**
 * What leans on one queue for all of a source's events cannot be had with several. Answers `[variable, problem]` pairs.
 * @param shards how many the source has
 */
export function checkShards(
  source: string,
  settings: Record<string, unknown>,
  shards: number,
): Array<[variable: string, problem: string]> {
  const { concurrency, handleRate, queueShards } = namesOf(source);
  if (shards === 1) return [];
  return [concurrency, handleRate]
    .filter((name) => settings[name] !== undefined)
    .map((name) => [
      name,
      `expected nothing where ${queueShards} or QUEUE_SHARDS is ${shards}, or that to be 1`,
    ]);
}

export function shardsVariable(source: string): string {
  return namesOf(source).queueShards;
}

function namesOf(source: string) {
  const prefix = source.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
  return {
    concurrency: `${prefix}_CONCURRENCY`,
    handleRate: `${prefix}_HANDLE_RATE`,
    rateLimit: `${prefix}_RATE_LIMIT`,
    queueShards: `${prefix}_QUEUE_SHARDS`,
  };
}
