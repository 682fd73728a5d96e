/** Notices that Petstore does not send any more: made for cron (once) and for alerts (`--every`). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PetstoreApi } from '../../lib/petstore-api/client.js';
import { PetstoreApiError } from '../../lib/petstore-api/errors.js';
import { createLogger } from '../../lib/logger.js';
import type { Log } from '../../lib/log.js';
import { parseDuration } from '../../lib/settings/units.js';
import { CommandError, loadContext } from '../command.js';
import { NOT_WELL, print, type JsonOption } from '../output.js';
import { openApi } from './petstore.js';
import { writeTextfile, type Watched } from './textfile.js';
import { endpointUrl, type RequestOptions } from './url.js';

export interface WatchOptions extends JsonOption, RequestOptions {
  url?: string;
  every?: string;
  textfile?: string;
}

const MIN_INTERVAL = 1_000;
const MAX_INTERVAL = 86_400_000;

/**
 * Looks at the endpoints given by id or URL, or else at all; exit code 0 while all are active, 2 when one is not,
 * 1 when that could not be found out. With `--every` it goes on looking until one is not; with `--textfile` besides,
 * whatever it finds, as somebody else raises the alarm.
 */
export async function watch(ids: string[], options: WatchOptions): Promise<void> {
  const interval = readInterval(options.every);
  const context = await loadContext();
  const api = openApi(context, options);
  const url = options.url === undefined ? undefined : endpointUrl(options.url, 'petstore');
  const log = createLogger(context.settings.LOG_LEVEL);
  const { textfile } = options;
  const look = async () => {
    const found = await inspect(api, ids, url);
    if (textfile !== undefined) await writeTextfile(textfile, found);
    return found;
  };
  const isEnough = (found: Watched[]) => textfile === undefined && found.some(isAmiss);
  const watched = interval === undefined ? await look() : await lookUntil(look, isEnough, interval, log);
  report(watched, options, log);
}

async function inspect(api: PetstoreApi, ids: string[], url: string | undefined): Promise<Watched[]> {
  const all = await api.list();
  const wanted = [
    ...ids.map((id) => all.find((endpoint) => endpoint.id === id) ?? { id, url: null, status: 'missing' }),
    ...(url === undefined ? [] : matching(all, url)),
  ];
  if (ids.length > 0 || url !== undefined) return wanted.map(pick);
  return all.length > 0 ? all.map(pick) : [{ id: null, url: null, status: 'missing' }];
}

function matching(all: Watched[], url: string): Watched[] {
  const found = all.filter((endpoint) => endpoint.url === url);
  return found.length > 0 ? found : [{ id: null, url, status: 'missing' }];
}

function pick({ id, url, status }: Watched): Watched {
  return { id, url, status };
}

/** An API that cannot be asked for a while says nothing against the endpoints: it is logged, and asked again. */
async function lookUntil(
  look: () => Promise<Watched[]>,
  isEnough: (found: Watched[]) => boolean,
  interval: number,
  log: Log,
): Promise<Watched[]> {
  for (;;) {
    try {
      const watched = await look();
      if (isEnough(watched)) return watched;
      tell(watched, log);
    } catch (error) {
      const passing =
        error instanceof PetstoreApiError && error.code !== 'unauthorized' && error.code !== 'forbidden';
      if (!passing) throw error;
      log.warn({ code: error.code, reason: error.message }, 'the Petstore endpoints could not be looked at');
    }
    await sleep(interval);
  }
}

function report(watched: Watched[], { json }: JsonOption, log: Log): void {
  if (json)
    print(watched.map((endpoint) => ({ ...endpoint, todo: isAmiss(endpoint) ? todo(endpoint) : null })));
  // Standard output is the JSON's where that is asked for.
  else tell(watched, log);
  if (watched.some(isAmiss)) process.exitCode = NOT_WELL;
}

function tell(watched: Watched[], log: Log): void {
  const amiss = watched.filter(isAmiss);
  for (const endpoint of amiss)
    log.error({ source: 'petstore', ...endpoint, todo: todo(endpoint) }, 'a Petstore endpoint is not active');
  if (amiss.length === 0) log.info({ endpoints: watched }, 'all Petstore endpoints are active');
}

function isAmiss({ status }: Watched): boolean {
  return status !== 'active';
}

function todo({ id, status }: Watched): string {
  if (status === 'missing')
    return 'It is not registered (any more): hookline endpoints create --url … --events …';
  return `Find out why with "hookline doctor", mend it, then: hookline endpoints enable ${id ?? '<id>'}. Ask Petstore to send again what it gave up meanwhile.`;
}

function readInterval(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const interval = parseDuration(text);
  if (interval === undefined || interval < MIN_INTERVAL || interval > MAX_INTERVAL) {
    throw new CommandError(`--every wants a duration from 1s to 1d, such as 1m; given: ${text}`);
  }
  return interval;
}
