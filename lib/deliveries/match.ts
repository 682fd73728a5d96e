import { matchesPattern } from '../../workers/specificity.js';
import { jobName } from '../queue/names.js';
import type { Entry } from './entry.js';
import { failureOf, parseLine } from './history.js';
import { parseHead, readJobs, type JobField } from './read-jobs.js';
import { FAILURES, type Failure, type Filter, type State } from './schema.js';
import { forEachPlace, keyOf, type DeliveryStore } from './store.js';

/** Can this filter be answered by the queues' sets alone, without reading any job? */
export function needsNoReading({ id, topic, tenant, reason, state }: Filter): boolean {
  return ![id, topic, tenant, reason].some((part) => part !== undefined) && !isFailure(state);
}

/** The states that a filter allows. */
export function statesOf<S extends State>({ state }: Filter, states: readonly S[]): S[] {
  if (state === undefined) return [...states];
  const wanted: State = isFailure(state) ? 'failed' : state;
  return states.filter((one) => one === wanted);
}

/** The entries whose jobs fit the filter, in their order. Reads only what the filter asks for, the cheap first. */
export async function selectMatching(
  store: DeliveryStore,
  entries: Entry[],
  filter: Filter,
): Promise<Entry[]> {
  let left = entries;
  for (const { fields, fits } of testsOf(filter)) {
    if (left.length === 0) break;
    const rows = await forEachPlace(left, (entries) =>
      readJobs(
        store.redis,
        entries.map((entry) => keyOf(store, entry, entry.jobId)),
        fields,
      ),
    );
    left = left.filter((entry, index) => fits(rows[index] ?? [], entry));
  }
  return left;
}

interface FieldTest {
  fields: readonly JobField[];
  fits: (row: ReadonlyArray<string | null>, entry: Entry) => boolean;
}

function testsOf(filter: Filter): FieldTest[] {
  const { topic, reason, tenant, id, state, since, until } = filter;
  const tests: FieldTest[] = [];
  if (since !== undefined || until !== undefined) tests.push(receivedBetween(since, until));
  if (topic !== undefined) {
    // The job's name stands for the topic; so does the word for "none", which no operator means by a pattern.
    tests.push({
      fields: ['name'],
      fits: ([name]) => name !== jobName(null) && matchesPattern(topic, name ?? null),
    });
  }
  if (reason !== undefined) {
    const part = reason.toLowerCase();
    tests.push({ fields: ['failedReason'], fits: ([text]) => text?.toLowerCase().includes(part) ?? false });
  }
  if (isFailure(state)) {
    tests.push({ fields: ['lastLine'], fits: ([line]) => failureOf(parseLine(line)) === state });
  }
  if (tenant !== undefined || id !== undefined) {
    tests.push({
      fields: ['head'],
      fits: ([json]) => {
        const head = parseHead(json ?? null);
        if (!head || (id !== undefined && head.id !== id)) return false;
        return tenant === undefined || matchesPattern(tenant, head.tenantId);
      },
    });
  }
  return tests;
}

/** The sets of what has ended are walked within the bounds; only what has not ended must be asked. */
function receivedBetween(since = 0, until = Infinity): FieldTest {
  return {
    fields: ['timestamp'],
    fits: ([timestamp], { endedAt }) =>
      endedAt !== undefined || (Number(timestamp) >= since && Number(timestamp) <= until),
  };
}

export function isFailure(state: Filter['state']): state is Failure {
  return FAILURES.some((failure) => failure === state);
}
