/** The process: settings, signals, exit codes. */
import type { Logger } from 'pino';
import { createLogger } from './lib/logger.js';
import { loadSources } from './lib/load-sources.js';
import { HandlersError } from './lib/handler.js';
import { Member } from './lib/processes/member.js';
import { StartError, Supervisor } from './lib/processes/supervisor.js';
import { environment } from './lib/settings/environment.js';
import { receiverProcesses } from './lib/settings/schema.js';
import { SettingsError, parseSettings, type Settings } from './lib/settings/settings.js';
import { settingsOf } from './lib/settings/share.js';
import { watchFiles } from './lib/settings/watch.js';
import type { SourceDefinition } from './lib/source.js';
import { keepGarbageYoung } from './lib/young.js';

/** After `SHUTDOWN_TIMEOUT`, how long closing connections may take before the process ends all the same. */
const EXIT_GRACE = 5_000;

/** What this process runs: a service, or the processes that do. */
interface Running {
  reload(): void;
  close(): Promise<void>;
}

async function main(): Promise<void> {
  keepGarbageYoung();
  const definitions = await loadSources();
  const member = Member.current();
  const given = parseSettings(environment, definitions);
  const settings = member ? settingsOf(member.role, given) : given;
  const logger = createLogger(settings.LOG_LEVEL, member && { process: member.name });
  process.on('unhandledRejection', (reason) => {
    // A promise that a handler left alone: its own event has ended by now, and others are in hand.
    logger.error({ err: reason }, 'unhandled rejection');
  });
  const isParent = !member && receiverProcesses(settings) > 1;
  await (isParent ? supervise(settings, logger) : serve(settings, definitions, logger, member));
}

/** Serves in this process, which may be one of several. */
async function serve(
  settings: Settings,
  definitions: SourceDefinition[],
  logger: Logger,
  member: Member | undefined,
): Promise<void> {
  // Not loaded by a parent, which does not serve.
  const { startService } = await import('./service.js');
  const starting = startService({ settings, definitions, logger, member });
  const running = starting.then((service): Running => ({
    reload: () => service.reload(parseSettings(environment, definitions)),
    close: () => service.close(),
  }));
  // Before it is up: a signal that comes meanwhile must end in order too, the embedded store included.
  const end = endOnSignal(running, logger, settings.SHUTDOWN_TIMEOUT + EXIT_GRACE);
  member?.onOrphaned(() => end('the parent process is gone', 0));
  reloadOnChange(running, logger, settings.files);
  const { address } = await starting;
  if (member) member.up(address);
  else logger.info({ role: settings.ROLE, address }, 'hookline is up');
}

/** Has others serve, on one port. */
async function supervise(settings: Settings, logger: Logger): Promise<void> {
  const starting = Supervisor.start({
    receivers: settings.RECEIVER_PROCESSES,
    works: settings.ROLE === 'all',
    log: logger,
    // They end by themselves before that.
    endWithin: settings.SHUTDOWN_TIMEOUT + 1.5 * EXIT_GRACE,
  });
  endOnSignal(starting, logger, settings.SHUTDOWN_TIMEOUT + 2 * EXIT_GRACE);
  // Each process watches the files by itself.
  reloadOnChange(starting, logger, []);
  const { address, pids } = await starting;
  logger.info({ role: settings.ROLE, address, processes: pids }, 'hookline is up');
}

/** Secrets are read again on SIGHUP, and when a file that holds one changes. What cannot be used is not taken. */
function reloadOnChange(starting: Promise<Running>, logger: Logger, files: string[]): void {
  const reload = () => {
    const reloaded = starting.then((running) => running.reload());
    reloaded.catch((error: unknown) => {
      logger.error(
        { reason: (error as Error).message },
        'changed settings cannot be used; the old ones stay',
      );
    });
  };
  process.on('SIGHUP', reload);
  watchFiles(files, reload);
}

/** @param limit milliseconds in which everything ends, or the process does all the same. Answers what ends it. */
function endOnSignal(
  starting: Promise<Running>,
  logger: Logger,
  limit: number,
): (cause: string, exitCode: number) => void {
  let ending = false;
  const end = (cause: string, exitCode: number) => {
    if (ending) return;
    ending = true;
    logger.info({ cause }, 'shutting down');
    setTimeout(() => {
      logger.warn({}, 'closing took too long; what is still in hand is handled again');
      process.exit(exitCode);
    }, limit).unref();
    const closed = starting.then((running) => running.close());
    closed.then(
      () => {
        logger.info({}, 'stopped');
        process.exit(exitCode);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM', 0));
  process.on('SIGINT', () => end('SIGINT', 0));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    end('uncaught exception', 1);
  });
  return end;
}

/** What people can mend is said without a stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const mendable =
    [SettingsError, HandlersError, StartError].some((known) => error instanceof known) || 'code' in error;
  return mendable ? error.message : (error.stack ?? error.message);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError && error.said))
    process.stderr.write(`hookline cannot start: ${explain(error)}\n`);
  process.exit(1);
}
