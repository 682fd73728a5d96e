/** Something took longer than it may. */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
  constructor(milliseconds: number) {
    super(`not done within ${milliseconds} ms`);
  }
}

/**
 * The promise's outcome, or a `DeadlineError` after `milliseconds`. The work itself goes on; its later failure
 * is ignored.
 */
export async function withDeadline<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(milliseconds)), milliseconds);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
