import { searchDeliveries } from '../lib/deliveries/search.js';
import { searchSchema, type DeliverySummary } from '../lib/deliveries/schema.js';
import { loadContext, parseOptions, requireSource, withStore, type AddCommand } from './command.js';
import { addFilterOptions, filterOf, type FilterOptions } from './filter-options.js';
import { count, table } from './text.js';

interface Options extends FilterOptions {
  limit?: string;
  cursor?: string;
  json?: boolean;
}

const STATES = 'waiting, active, delayed, completed or failed; of the failed: quarantined or dead-letter';

const EXAMPLES = `
What has not ended comes first, then what has, the newest first. The answer comes within a second:
a page ends with what it has found by then, and --cursor goes on.

Examples:
  hookline deliveries --state failed
  hookline deliveries --state quarantined --source pitchpoint --since 1d
  hookline deliveries --topic 'orders/*' --tenant OU1243 --reason timeout --json
  hookline deliveries --id 019b4132-70aa-764f-b315-e2803d882a24`;

export const addDeliveries: AddCommand = (program) => {
  addFilterOptions(
    program
      .command('deliveries')
      .description('finds deliveries: by id, source, topic, tenant, state, reason, time'),
    STATES,
  )
    .option('--id <id>', 'the webhook id')
    .option('--limit <number>', 'on one page, 1 to 200', '50')
    .option('--cursor <cursor>', 'the next page, as the page before says')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const { limit, cursor } = options;
      const query = parseOptions(searchSchema, { ...filterOf(options), limit, ...(cursor && { cursor }) });
      const { limit: size, cursor: from, ...filter } = query;
      const context = await loadContext();
      if (filter.source !== undefined) requireSource(context, filter.source);
      const page = await withStore(context, (store) =>
        searchDeliveries(store, filter, { limit: size, cursor: from, budget: timeLeft() }),
      );
      if (options.json) {
        console.log(JSON.stringify(page, null, 2));
        return;
      }
      if (page.deliveries.length > 0) console.log(deliveriesTable(page.deliveries));
      console.log(
        `${count(page.deliveries.length, 'delivery', 'deliveries')}, ${count(page.lookedAt, 'looked at', 'looked at')}.`,
      );
      if (page.cursor !== null) console.log(`There may be more: --cursor ${page.cursor}`);
    });
};

/** Milliseconds since the process began within which a page should be there, and those that a search has at least. */
const ANSWER_WITHIN = 800;
const AT_LEAST = 100;

function timeLeft(): number {
  return Math.max(AT_LEAST, ANSWER_WITHIN - performance.now());
}

/** A list for people, one line each; `hookline show` and `--json` tell the rest. */
export function deliveriesTable(deliveries: DeliverySummary[]): string {
  return table(
    ['STATE', 'SOURCE', 'TOPIC', 'ID', 'ENDED OR RECEIVED', 'TRIES', 'REASON'],
    deliveries.map((delivery) => [
      delivery.failure ?? delivery.state,
      delivery.source,
      delivery.topic,
      delivery.id,
      (delivery.finishedAt ?? delivery.receivedAt)?.slice(0, 19).replace('T', ' '),
      delivery.attemptsMade,
      delivery.failedReason,
    ]),
  );
}
