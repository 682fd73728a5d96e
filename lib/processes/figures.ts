import type { SpoolStatus } from '../spool/spool.js';

/** What one process tells of itself to another that is asked for the figures of all. */
export interface Figures {
  /** Prometheus' text format. */
  metrics: string;
  /** `undefined`: the process receives nothing. */
  spool: SpoolStatus | undefined;
}

/** The texts of several processes as one: each metric's HELP and TYPE once, then everybody's series. */
export function joinMetrics(texts: readonly string[]): string {
  const metrics = new Map<string, string[]>();
  for (const text of texts.filter((text) => text.trim() !== '')) {
    for (const block of text.trim().split(/\n\n(?=# HELP )/)) {
      const [help = '', type = '', ...series] = block.split('\n');
      const head = `${help}\n${type}`;
      metrics.set(head, [...(metrics.get(head) ?? []), ...series]);
    }
  }
  return `${[...metrics].map(([head, series]) => [head, ...series].join('\n')).join('\n\n')}\n`;
}

/** Several spools as one: together they hold so much, and are as well as the worst of them. */
export function joinSpools(spools: readonly SpoolStatus[]): SpoolStatus {
  const sum = (of: (spool: SpoolStatus) => number) => spools.reduce((total, spool) => total + of(spool), 0);
  return {
    state: spools.find(({ state }) => state !== 'ok')?.state ?? 'ok',
    bytes: sum(({ bytes }) => bytes),
    events: sum(({ events }) => events),
    oldestSeconds: Math.max(0, ...spools.map(({ oldestSeconds }) => oldestSeconds)),
  };
}
