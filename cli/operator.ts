import os from 'node:os';
import { createInterface } from 'node:readline/promises';

/** Who is at the keyboard, as it is recorded: `cli:<user>`. */
export function operatorName(): string {
  return `cli:${userName().replace(/[^\w.@+-]/g, '_')}`;
}

/** In a container the user's id may have no name. */
function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

export function isTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks on the terminal; anything but y or yes is no. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/** Aborted by Ctrl-C and SIGTERM; the second one ends the process as it always does. */
export function stopSignal(): { signal: AbortSignal; exitCode: () => number; release: () => void } {
  const controller = new AbortController();
  let exitCode = 0;
  const onInterrupt = () => stop(130);
  const onTerminate = () => stop(143);
  const stop = (code: number) => {
    exitCode = code;
    controller.abort();
  };
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onTerminate);
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    release() {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
    },
  };
}
