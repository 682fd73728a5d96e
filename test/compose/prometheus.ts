/** What is asked of a Prometheus over its HTTP API. */
export interface Prometheus {
  /** The values of an expression now, in the order of their labels. @throws when Prometheus does not take it */
  values(expression: string): Promise<number[]>;
  targets(): Promise<Array<{ labels: Record<string, string>; health: string; lastError: string }>>;
  rules(): Promise<Array<{ name: string; lastError?: string; state?: string }>>;
}

/** Milliseconds. */
const ANSWER_LIMIT = 10_000;

export function openPrometheus(address: string): Prometheus {
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${address}/api/v1/${path}`, { signal: AbortSignal.timeout(ANSWER_LIMIT) });
    const answer = (await response.json()) as { data: T; error?: string };
    if (!response.ok) throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    async values(expression) {
      const { result } = await ask<Vector>(`query?query=${encodeURIComponent(expression)}`);
      const key = ({ metric }: Vector['result'][number]) => Object.values(metric).join();
      return result.sort((a, b) => (key(a) < key(b) ? -1 : 1)).map(({ value }) => Number(value[1]));
    },
    targets: async () => (await ask<{ activeTargets: never[] }>('targets')).activeTargets,
    rules: async () =>
      (await ask<{ groups: Array<{ rules: never[] }> }>('rules')).groups.flatMap(({ rules }) => rules),
  };
}

interface Vector {
  result: Array<{ metric: Record<string, string>; value: [time: number, value: string] }>;
}
