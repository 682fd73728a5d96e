import { setTimeout as sleep } from 'node:timers/promises';

/** Does a process with this id exist? One of another user counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Asks a process to end and waits for it; after `graceMs` milliseconds it is killed. One that is gone is fine.
 * @param options.hasEnded another sign of its end: a process that nobody waits for keeps its id (a zombie)
 */
export async function endProcess(
  pid: number,
  options: { graceMs: number; hasEnded?: () => Promise<boolean> },
): Promise<void> {
  const within = async (limitMs: number): Promise<boolean> => {
    const deadline = Date.now() + limitMs;
    while (isAlive(pid) && !(await options.hasEnded?.())) {
      if (Date.now() > deadline) return false;
      await sleep(20);
    }
    return true;
  };
  signal(pid, 'SIGTERM');
  if (await within(options.graceMs)) return;
  signal(pid, 'SIGKILL');
  await within(1_000);
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
