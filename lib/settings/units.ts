import { z } from 'zod';
import { readRanges } from '../address.js';

const DURATION_UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_UNITS = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const;

/** `20s`, `3d`, `1.5h`, or a plain number of milliseconds → milliseconds; `undefined` when it is neither. */
export function parseDuration(text: string): number | undefined {
  return parseUnits(text, DURATION_UNITS, 'ms');
}

/** `10mb`, `64kb`, or a plain number of bytes → bytes; `undefined` when it is neither. */
export function parseSize(text: string): number | undefined {
  return parseUnits(text, SIZE_UNITS, 'b');
}

/** `200/s`, `1000/10m`: so many in so many milliseconds; `undefined` when it is none. */
export function parseRate(text: string): { max: number; per: number } | undefined {
  const match = /^(\d{1,9})\s*\/\s*(\d.*|[a-z]+)$/i.exec(text.trim());
  const per = match?.[2] && parseDuration(/^\d/.test(match[2]) ? match[2] : `1${match[2]}`);
  const max = Number(match?.[1]);
  return per && max > 0 ? { max, per } : undefined;
}

function parseUnits<Unit extends string>(
  text: string,
  units: Record<Unit, number>,
  plain: NoInfer<Unit>,
): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]{0,2})$/i.exec(text.trim());
  if (!match) return undefined;
  const unit = (match[2] || plain).toLowerCase() as Unit;
  if (!Object.hasOwn(units, unit)) return undefined;
  return Math.round(Number(match[1]) * units[unit]);
}

/** A setting such as `20s`: a string in the environment, milliseconds in the code. */
export function duration(options: { min: number; max: number; default: string }) {
  const expected = `a duration such as ${options.default} (units ms, s, m, h, d)`;
  return z
    .string()
    .default(options.default)
    .transform(unit(parseDuration, options, expected));
}

/** A setting such as `90d` that has no default: `undefined` where it is not set. */
export function optionalDuration(options: { min: number; max: number; example: string }) {
  const expected = `a duration such as ${options.example} (units ms, s, m, h, d)`;
  return z
    .string()
    .transform(unit(parseDuration, options, expected))
    .optional();
}

/** A setting such as `10mb`: a string in the environment, bytes in the code. */
export function size(options: { min: number; max: number; default: string }) {
  const expected = `a size such as ${options.default} (units b, kb, mb, gb)`;
  return z
    .string()
    .default(options.default)
    .transform(unit(parseSize, options, expected));
}

/** A setting such as `1gb` that has no default: `undefined` where it is not set. */
export function optionalSize(options: { min: number; max: number; example: string }) {
  const expected = `a size such as ${options.example} (units b, kb, mb, gb)`;
  return z
    .string()
    .transform(unit(parseSize, options, expected))
    .optional();
}

function unit(
  parse: (text: string) => number | undefined,
  { min, max }: { min: number; max: number },
  expected: string,
) {
  return (text: string, context: z.RefinementCtx): number => {
    const value = parse(text);
    if (value !== undefined && value >= min && value <= max) return value;
    const range = value === undefined ? '' : `, from ${min} to ${max} in the smallest unit`;
    context.addIssue({ code: 'custom', message: `expected ${expected}${range}` });
    return z.NEVER;
  };
}

/** A whole number in a range, without a default. */
export function wholeNumber({ min, max }: { min: number; max: number }) {
  const isOne = (text: string) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
  return z.string().refine(isOne, `expected a whole number from ${min} to ${max}`).transform(Number);
}

/** A whole number in a range. */
export function integer(options: { min: number; max: number; default: number }) {
  return z.string().default(String(options.default)).pipe(wholeNumber(options));
}

/** Values separated by commas or line breaks; white space around each and empty ones are dropped. */
export function list() {
  return z.string().transform((text) =>
    text
      .split(/[,\n]/)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
}

/** So many in so much time. */
export interface Rate {
  max: number;
  /** Milliseconds. */
  window: number;
}

/** A setting such as `100/1m`. */
export function rate() {
  return z.string().transform((text, context): Rate => {
    const { max, per } = parseRate(text) ?? { max: 0, per: 0 };
    if (per >= 1_000 && per <= 86_400_000) return { max, window: per };
    context.addIssue({ code: 'custom', message: 'expected a rate such as 100/1m, over 1s to 1d' });
    return z.NEVER;
  });
}

/** `true` or `false`. */
export function flag() {
  return z
    .enum(['true', 'false', '1', '0'], 'expected true or false')
    .default('false')
    .transform((text) => text === 'true' || text === '1');
}

/** Comma-separated addresses and CIDR ranges. */
export function ranges() {
  return list().refine(
    (texts) => readRanges(texts) !== undefined,
    'expected addresses or CIDR ranges such as 10.0.0.0/8 or ::1, separated by commas',
  );
}
