/** What a page shows is asked for when it is opened, and again from time to time while somebody looks. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Loaded<T> {
  /** What was answered last; kept while it is asked for again. */
  data: T | undefined;
  error: Error | undefined;
  /** Asks again at once. */
  reload: () => void;
}

/**
 * Asks, and asks again when `key` changes.
 * @param again milliseconds until it is asked again, by what was answered last; `undefined`: not at all. A page nobody
 * sees asks nothing.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  again: (data: T | undefined) => number | undefined,
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const [round, setRound] = useState(0);
  const latest = useRef({ load, again });
  latest.current = { load, again };
  const reload = useCallback(() => setRound((round) => round + 1), []);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let known: T | undefined;
    const ask = async () => {
      try {
        const data = (known = await latest.current.load(stop.signal));
        if (!stop.signal.aborted) setState({ key, data });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((before) => ({ ...(before.key === key ? before : { key }), error: error as Error }));
      }
      const wait = stop.signal.aborted ? undefined : latest.current.again(known);
      if (wait !== undefined) timer = setTimeout(look, wait);
    };
    const look = () => (document.hidden ? wake() : void ask());
    const wake = () =>
      document.addEventListener('visibilitychange', look, { once: true, signal: stop.signal });
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, round]);

  const isCurrent = state.key === key;
  return { data: isCurrent ? state.data : undefined, error: isCurrent ? state.error : undefined, reload };
}
