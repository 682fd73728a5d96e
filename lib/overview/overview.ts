import { oldestWaiting } from '../deliveries/oldest.js';
import { queueOf, type DeliveryStore } from '../deliveries/store.js';
import type { SourceDefinition } from '../source.js';
import { hourFigures, minuteFigures } from './figures.js';
import { readHistory, type Minute } from './history.js';
import type { SourceOverview, Trust } from './schema.js';

/** Seconds: what SNS waits, where a source says nothing else. */
const USUAL_DEADLINE = 15;

/** A known source, and whether the settings enable it. */
export interface KnownSource {
  definition: SourceDefinition;
  settings: Record<string, unknown>;
  enabled: boolean;
}

/** How every known source is, over all receivers: a bounded number of reads, however many jobs there are. */
export async function describeSources(
  store: DeliveryStore,
  sources: readonly KnownSource[],
): Promise<SourceOverview[]> {
  const history = await readHistory(store);
  return Promise.all(sources.map((source) => describeSource(store, source, history)));
}

async function describeSource(
  store: DeliveryStore,
  { definition, settings, enabled }: KnownSource,
  { minutes, latest }: { minutes: Minute[]; latest: Record<string, string> },
): Promise<SourceOverview> {
  const source = definition.name;
  const queue = queueOf(store, source);
  const [depths, oldestWaitingSeconds, standing] = await Promise.all([
    queue.depths(),
    oldestWaiting(store, source),
    enabled ? (definition.standing?.(settings, queue, store.prefix) ?? []) : [],
  ]);
  return {
    source,
    enabled,
    lastDeliveryAt: latest[`delivery:${source}`] ?? null,
    deadlineSeconds: definition.answerWithin ?? USUAL_DEADLINE,
    trust: [...keysOf(source, latest), ...standing],
    depths,
    oldestWaitingSeconds,
    minutes: minutes.map(({ at, grown }) => minuteFigures(source, at, grown)),
    hour: hourFigures(
      source,
      minutes.map(({ grown }) => grown),
    ),
  };
}

/** The keys or certificates by which deliveries are verified, where a source has to fetch them. */
function keysOf(source: string, latest: Record<string, string>): Trust[] {
  const at = (outcome: string) => latest[`fetch:${source}:${outcome}`];
  const fetched = at('ok');
  const failed = [at('failed'), at('refused')]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
  if (fetched === undefined && failed === undefined) return [];
  const what = 'keys';
  // Both are rounded to the same write now and then: the failure is what should be seen.
  if (failed !== undefined && failed >= (fetched ?? '')) {
    const detail = fetched === undefined ? 'never fetched' : `last fetched at ${fetched}`;
    return [{ what, state: 'failed', at: failed, detail: `The last fetch failed; ${detail}.` }];
  }
  return [{ what, state: 'ok', at: fetched ?? null, detail: 'Fetched.' }];
}
