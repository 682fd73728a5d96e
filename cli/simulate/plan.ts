/** The command line of `hookline simulate`, checked. */
import { parseDuration } from '../../lib/settings/units.js';
import type { Settings } from '../../lib/settings/settings.js';
import { CommandError } from '../command.js';
import { readCount, readNumber, readReceiver, readShare } from '../send/options.js';
import type { SenderCommandOptions } from '../send/sender-command.js';

/** As commander hands them over. */
export interface SimulateOptions extends SenderCommandOptions {
  events: string;
  rate: string;
  speed: string;
  outOfOrder?: boolean;
  duplicates: string;
  rotateKeys?: boolean;
  concurrency: string;
  adminUrl?: string;
  adminUser?: string;
  adminPassword?: string;
  settle: string;
  check: boolean;
}

export interface SimulationPlan {
  url: string;
  events: number;
  perSecond: number;
  speed: number;
  outOfOrder: boolean;
  duplicates: number;
  rotateKeys: boolean;
  concurrency: number;
  admin: { url: string; credentials: { user: string; password: string } | undefined } | undefined;
  settleMs: number;
}

/** @throws {CommandError} */
export function readPlan(options: SimulateOptions, settings: Settings): SimulationPlan {
  const url = readReceiver(options.url ?? `http://127.0.0.1:${settings.PORT}`);
  const user = options.adminUser ?? settings.ADMIN_USER;
  const password = options.adminPassword ?? settings.ADMIN_PASSWORD;
  const settleMs = parseDuration(options.settle);
  if (settleMs === undefined || settleMs > 86_400_000) {
    throw new CommandError(`--settle wants a duration up to 1d, such as 30s; given: ${options.settle}`);
  }
  const credentials = user !== undefined && password !== undefined ? { user, password } : undefined;
  return {
    url,
    events: readCount('events', options.events, { min: 1, max: 1_000_000 }),
    perSecond: readNumber('rate', options.rate, 100_000),
    speed: readNumber('speed', options.speed, 1_000_000),
    outOfOrder: options.outOfOrder === true,
    duplicates: readShare('duplicates', options.duplicates),
    rotateKeys: options.rotateKeys === true,
    concurrency: readCount('concurrency', options.concurrency, { min: 1, max: 10_000 }),
    admin: options.check
      ? { url: options.adminUrl === undefined ? url : readReceiver(options.adminUrl), credentials }
      : undefined,
    settleMs,
  };
}
