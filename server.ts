/** The process: settings, signals, exit codes. */
import type { Logger } from 'pino';
import { createLogger } from './lib/logger.js';
import { loadSources } from './lib/load-sources.js';
import { HandlersError } from './lib/handler.js';
import { environment } from './lib/settings/environment.js';
import { SettingsError, parseSettings, type Settings } from './lib/settings/settings.js';
import { watchFiles } from './lib/settings/watch.js';
import { startService, type Service } from './service.js';

/** After `SHUTDOWN_TIMEOUT`, how long closing connections may take before the process ends all the same. */
const EXIT_GRACE = 5_000;

async function main(): Promise<void> {
  const definitions = await loadSources();
  const settings = parseSettings(environment, definitions);
  const logger = createLogger(settings.LOG_LEVEL);
  process.on('unhandledRejection', (reason) => {
    // A promise that a handler left alone: its own event has ended by now, and others are in hand.
    logger.error({ err: reason }, 'unhandled rejection');
  });
  const starting = startService({ settings, definitions, logger });
  // Before it is up: a signal that comes meanwhile must end in order too, the embedded store included.
  endOnSignal(starting, logger, settings.SHUTDOWN_TIMEOUT);
  reloadOnChange(starting, logger, settings.files, () => parseSettings(environment, definitions));
  const { address } = await starting;
  logger.info({ role: settings.ROLE, address }, 'hookline is up');
}

/** Secrets are read again on SIGHUP, and when a file that holds one changes. What cannot be used is not taken. */
function reloadOnChange(
  starting: Promise<Service>,
  logger: Logger,
  files: string[],
  read: () => Settings,
): void {
  const reload = () => {
    const reloaded = starting.then((service) => service.reload(read()));
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

function endOnSignal(starting: Promise<Service>, logger: Logger, shutdownTimeout: number): void {
  let ending = false;
  const end = (cause: string, exitCode: number) => {
    if (ending) return;
    ending = true;
    logger.info({ cause }, 'shutting down');
    setTimeout(() => {
      logger.warn({}, 'closing took too long; what is still in hand is given back when its lock runs out');
      process.exit(exitCode);
    }, shutdownTimeout + EXIT_GRACE).unref();
    const closed = starting.then((service) => service.close());
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
}

/** What people can mend is said without a stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const mendable = error instanceof SettingsError || error instanceof HandlersError || 'code' in error;
  return mendable ? error.message : (error.stack ?? error.message);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`hookline cannot start: ${explain(error)}\n`);
  process.exit(1);
}
