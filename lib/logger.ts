import { pino, type Logger } from 'pino';

/** Bytes of lines that wait for whoever reads them; what comes then is dropped, and counted. */
const MAX_WAITING = 8 * 1024 ** 2;

/**
 * JSON lines, or lines for people where standard output is a terminal and pino-pretty is installed.
 * @param base what every line says
 */
export function createLogger(level: string, base: Record<string, string> = {}): Logger {
  const options = { level, base, serializers: { err: describeError } };
  if (process.stdout.isTTY && isInstalled('pino-pretty')) {
    return pino({
      ...options,
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } },
    });
  }
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING });
  const logger = pino(options, output);
  let dropped = 0;
  output.on('drop', () => (dropped += 1));
  output.on('drain', () => {
    if (dropped === 0) return;
    logger.warn({ lines: dropped }, 'lines of the log were dropped: they come faster than they are read');
    dropped = 0;
  });
  return logger;
}

/** Of an error's chain of causes, and characters of each text. */
const MAX_CAUSES = 5;
const MAX_TEXT = 10_000;

/**
 * An error as its name, message, code and stack, and its causes likewise. Whatever else hangs on it stays out of the
 * log: an error of Redis carries the arguments of its command, which are whole deliveries, and one of a URL the URL.
 */
export function describeError(error: unknown, depth = 0): unknown {
  if (typeof error !== 'object' || error === null) return textOf(error);
  const { name, message, code, stack, cause } = error as Partial<Record<string, unknown>>;
  return {
    type: textOf(name),
    message: textOf(message),
    code: textOf(code),
    stack: textOf(stack),
    cause: cause === undefined || depth >= MAX_CAUSES ? undefined : describeError(cause, depth + 1),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined;
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
