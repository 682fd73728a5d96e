/** Milliseconds. */
const EVERY = 100;

/**
 * Tells ten times a second by how many seconds the event loop came late to a timer. Unlike Node's own monitor it is
 * never reset, so that whoever reads the sums takes nothing from others.
 * @returns ends it
 */
export function watchLoopDelay(onDelay: (seconds: number) => void): () => void {
  let due = performance.now() + EVERY;
  const timer = setInterval(() => {
    const now = performance.now();
    onDelay(Math.max(0, now - due) / 1_000);
    due = now + EVERY;
  }, EVERY);
  timer.unref();
  return () => clearInterval(timer);
}
