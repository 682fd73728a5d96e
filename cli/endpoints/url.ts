import { parseDuration } from '../../lib/settings/units.js';
import { CommandError } from '../command.js';
import { note } from '../output.js';
import { readCount } from '../send/options.js';

/** For requests to a provider's API. */
export interface RequestOptions {
  timeout?: string;
  retries?: string;
}

/** `--timeout` in milliseconds. @throws {CommandError} */
export function timeoutOf({ timeout = '10s' }: RequestOptions): number {
  const milliseconds = parseDuration(timeout);
  if (milliseconds === undefined || milliseconds < 1 || milliseconds > 600_000) {
    throw new CommandError(`--timeout wants a duration such as 10s, up to 10m; given: ${timeout}`);
  }
  return milliseconds;
}

/** `--retries`. @throws {CommandError} */
export function retriesOf({ retries = '3' }: RequestOptions): number {
  return readCount('retries', retries, { min: 0, max: 10 });
}

/**
 * The address of a source at a receiver: `https://hooks.example.com` → `https://hooks.example.com/webhooks/<source>`.
 * One that has a path is taken as it stands, as a proxy may have its own.
 * @throws {CommandError}
 */
export function endpointUrl(given: string, source: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.hash !== '') {
    throw new CommandError(
      `--url wants the receiver's public address, such as https://hooks.example.com; given: ${given}`,
    );
  }
  if (url.protocol === 'http:') note(`warning: ${given} is not https: providers refuse that, or should.`);
  if (url.pathname === '/') url.pathname = `/webhooks/${source}`;
  else if (!url.pathname.replace(/\/$/, '').endsWith(`/webhooks/${source}`)) {
    note(`warning: the path of ${given} does not end with /webhooks/${source}, where the receiver listens.`);
  }
  return url.href;
}
