/** Receivers in processes of their own, and `hookline simulate` against them. */
import { existsSync } from 'node:fs';
import type { Test } from 'tap';
import { openSender } from '../../cli/send/open-sender.js';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';
import type { Report } from '../../senders/simulator/report.js';
import { countBy } from '../process/handlers.js';
import { freePort } from '../process/relay.js';
import { handlersFolder, openLedger, type Ledger } from '../support/ledger.js';
import { startHookline, type HooklineProcess } from '../support/process.js';
import { runJson } from '../support/run-hookline.js';
import { openStore, temporaryFolder } from '../support/store.js';

/** Events of each simulation: the invariants are the same for any number. */
export const EVENTS = Number(process.env['SIMULATE_EVENTS'] ?? 100);

export interface Stage {
  /** Where the receiver listens, each time it is started. */
  url: string;
  /** The environment of receiver and sender. */
  environment: Record<string, string>;
  /** The webhook id of every event that a handler was given, in that order. */
  ledger: Ledger<string>;
  start(more?: Record<string, string>): Promise<HooklineProcess>;
  /** @param line the options, as on a command line */
  simulate(line: string): Promise<{ exit: number | string; report: Report; stderr: string }>;
}

/** A receiver (not started yet) whose handler writes down what it is given, and a sender that it trusts. */
export async function setStage(
  t: Test,
  source: string,
  settings: Record<string, string> = {},
): Promise<Stage> {
  if (!existsSync('dist/cli/hookline.js')) throw new Error('run `npm run build` first');
  const store = await openStore(t);
  const ledger = await openLedger<string>(t);
  const handler = `export default { source: '${source}', topic: '*', handle({ id }) { note(id); } };`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const own = { DATA_DIR: await temporaryFolder(t), ...settings };
  const keyPort = source === 'petstore' ? undefined : String(await freePort());
  const args = ['simulate', source, '--url', url, ...(keyPort ? ['--key-server-port', keyPort] : [])];
  const environment = {
    ...own,
    ...(await environmentOf(source, own, keyPort)),
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    HANDLERS_DIR: await handlersFolder(t, ledger, { 'note.mjs': handler }),
    LOG_LEVEL: 'info',
  };
  return {
    url,
    environment,
    ledger,
    start: (more = {}) => startHookline(t, { ...environment, PORT: String(port), ...more }),
    async simulate(line) {
      const { exit, json, stderr } = await runJson<Report>(t, [...args, ...line.split(' ')], {
        env: environment,
      });
      return { exit, report: json, stderr };
    },
  };
}

/** What `--print-env` prints, without a process; makes the keys that are kept for later runs. */
async function environmentOf(source: string, own: Record<string, string>, keyServerPort: string | undefined) {
  const definitions = await loadSources();
  const settings = parseSettings(own, definitions);
  const { sender } = await openSender(
    { settings, definitions },
    source,
    keyServerPort ? { keyServerPort } : {},
  );
  await sender.close();
  return sender.environment;
}

/** Ids that a handler was given more than once. */
export function handledTwice(ledger: Ledger<string>): string[] {
  return [...countBy([...ledger.read()])].filter(([, count]) => count > 1).map(([id]) => id);
}
