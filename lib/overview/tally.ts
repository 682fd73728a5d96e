import type { Counter, Histogram, Registry } from 'prom-client';

/** How much something grew, by a short name: `outcome:petstore:accepted`, `cause:…`, `time:petstore:0.005`, `fetch:pce:ok`. */
export type Growth = Map<string, number>;

/** The counters of lib/metrics.ts that the overview is made of: kind, metric, and the label beside the source. */
const COUNTED = [
  ['outcome', 'hookline_deliveries_total', 'outcome'],
  ['cause', 'hookline_refusals_total', 'cause'],
  ['fetch', 'hookline_key_fetches_total', 'outcome'],
] as const;
const TIMES = 'hookline_acknowledgement_seconds';

/**
 * What a process' own counters grew by since it was last asked. The accept path counts once, for its metrics; the
 * overview reads that off.
 */
export class Tally {
  readonly #registry: Registry;
  #before: Growth = new Map();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async take(): Promise<Growth> {
    const now = new Map([...(await this.#counters()), ...(await this.#times())]);
    const grown = [...now].map(([name, value]) => [name, value - (this.#before.get(name) ?? 0)] as const);
    this.#before = now;
    return new Map(grown.filter(([, value]) => value > 0));
  }

  async #counters(): Promise<Growth> {
    const found: Growth = new Map();
    for (const [kind, metric, label] of COUNTED) {
      const counter = this.#registry.getSingleMetric(metric) as Counter | undefined;
      for (const { labels, value } of (await counter?.get())?.values ?? [])
        found.set(`${kind}:${labels['source']}:${labels[label]}`, value);
    }
    return found;
  }

  /** How many answers fell into each bucket alone: Prometheus' own count those of all lower ones too. */
  async #times(): Promise<Growth> {
    const found: Growth = new Map();
    const below = new Map<string, number>();
    const histogram = this.#registry.getSingleMetric(TIMES) as Histogram | undefined;
    for (const { labels, value, metricName } of (await histogram?.get())?.values ?? []) {
      if (metricName !== `${TIMES}_bucket`) continue;
      const source = String(labels['source']);
      found.set(`time:${source}:${labels['le']}`, value - (below.get(source) ?? 0));
      below.set(source, value);
    }
    return found;
  }
}
