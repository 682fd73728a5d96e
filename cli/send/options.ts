import { CommandError } from '../command.js';

/** A whole number. @throws {CommandError} naming the option */
export function readCount(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new CommandError(`--${name} wants a whole number from ${min} to ${max}; given: ${text}`);
}

/** A number above zero, such as `600` or `0.5`. @throws {CommandError} */
export function readNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0 && value <= max) return value;
  throw new CommandError(`--${name} wants a number above 0, up to ${max}; given: ${text}`);
}

/** `10%` → 0.1. @throws {CommandError} */
export function readShare(name: string, text: string): number {
  const value = Number(text.replace(/%$/, ''));
  if (/^\d+(?:\.\d+)?%$/.test(text) && value <= 100) return value / 100;
  throw new CommandError(`--${name} wants a share such as 10%; given: ${text}`);
}

/** A receiver's address. @throws {CommandError} */
export function readReceiver(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol))
    return url.href.replace(/\/+$/, '').replace(/\/webhooks\/\w+$/, '');
  throw new CommandError(`--url wants the receiver's address, such as http://127.0.0.1:3000; given: ${text}`);
}
