import type { Command } from 'commander';
import { preview } from '../lib/deliveries/bulk.js';
import { operateOne, requireForce } from '../lib/deliveries/one.js';
import { describeFilter } from '../lib/deliveries/operations.js';
import { bulkFilterSchema, rateSchema, type Action, type Filter } from '../lib/deliveries/schema.js';
import { createSession, resumeSession } from '../lib/deliveries/sessions.js';
import type { DeliveryStore } from '../lib/deliveries/store.js';
import {
  CommandError,
  loadContext,
  parseOptions,
  requireSource,
  withStore,
  type AddCommand,
} from './command.js';
import { deliveriesTable } from './deliveries.js';
import { addFilterOptions, filterOf, type FilterOptions } from './filter-options.js';
import { confirm, isTerminal, operatorName } from './operator.js';
import { report, run } from './run-session.js';
import { count } from './text.js';

interface Options extends FilterOptions {
  all?: boolean;
  dryRun?: boolean;
  rate?: string;
  resume?: string;
  force?: boolean;
  keepId?: boolean;
  yes?: boolean;
  json?: boolean;
}

interface Words {
  action: Action;
  verb: string;
  done: string;
}

const REPLAY: Words = { action: 'replay', verb: 'Replay', done: 'replayed' };
const DISCARD: Words = { action: 'discard', verb: 'Discard', done: 'discarded' };
const DEFAULT_RATE = '100/s';
const bulkOptionsSchema = bulkFilterSchema.extend({ rate: rateSchema.optional() });

export const addReplay: AddCommand = (program) => {
  const command = program
    .command('replay')
    .description(
      'has failed deliveries handled again, with a full set of attempts: one, or all that a filter matches',
    );
  addOptions(command, REPLAY).addHelpText(
    'after',
    `
Ctrl-C stops it; --resume goes on. Each delivery is replayed once per session at most, whatever happens in between.

Examples:
  hookline replay petstore 019b4132-70aa-764f-b315-e2803d882a24
  hookline replay --topic 'orders/*' --since 12h --dry-run
  hookline replay --topic orders/placed --reason timeout --rate 200/s
  hookline replay --state quarantined --all --yes
  hookline replay --resume 20260131-080000-3f9a
  hookline replay --state completed --topic orders/placed --since 1h --force`,
  );
};

export const addDiscard: AddCommand = (program) => {
  const command = program
    .command('discard')
    .description('removes failed deliveries for good: one, or all that a filter matches');
  addOptions(command, DISCARD)
    .option('--keep-id', 'a delivery with the same webhook id stays a duplicate; else it is taken anew')
    .addHelpText(
      'after',
      `
Examples:
  hookline discard petstore 019b4132-70aa-764f-b315-e2803d882a24 --keep-id
  hookline discard --state quarantined --topic 'test/*' --dry-run
  hookline discard --until 90d --all --yes`,
    );
};

function addOptions(command: Command, words: Words): Command {
  command
    .argument('[source]', 'with an id: pitchpoint, pce or petstore')
    .argument('[id]', "the webhook id, or a job's");
  return addFilterOptions(
    command,
    'failed (if not given), quarantined, dead-letter, or completed with --force',
  )
    .option('--all', 'without any filter: all that failed')
    .option('--dry-run', 'say how many and show the first few, and change nothing')
    .option('--rate <rate>', `such as 200/s or 50/m (default: ${DEFAULT_RATE})`)
    .option(
      '--resume <session>',
      `go on with a ${words.action} that was stopped; hookline replays lists them`,
    )
    .option('--force', 'also what was handled with success')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print JSON')
    .action((source: string | undefined, id: string | undefined, options: Options) =>
      start(words, source, id, options),
    );
}

async function start(words: Words, source: string | undefined, id: string | undefined, options: Options) {
  const given = { ...filterOf(options), ...(options.rate !== undefined && { rate: options.rate }) };
  const { rate, ...filter } = parseOptions(bulkOptionsSchema, given);
  const context = await loadContext();
  for (const name of [source, filter.source]) if (name !== undefined) requireSource(context, name);
  if (source !== undefined && id === undefined) {
    throw new CommandError(`Give the id too, or --source ${source} for all of that source that failed.`);
  }
  await withStore(context, async (store) => {
    if (options.resume !== undefined) await resume(store, words, options.resume, rate, options);
    else if (source !== undefined && id !== undefined) await one(store, words, source, id, options);
    else await many(store, words, filter, rate, options);
  });
}

async function one(store: DeliveryStore, words: Words, source: string, id: string, options: Options) {
  const { force = false, keepId = false, dryRun, json } = options;
  if (dryRun) throw new CommandError('--dry-run is for filters; hookline show tells of one delivery.');
  const by = operatorName();
  const session = await operateOne(store, { action: words.action, source, id, by, force, keepId });
  console.log(json ? JSON.stringify(session, null, 2) : `${source} ${id} is ${words.done}.`);
}

async function many(
  store: DeliveryStore,
  words: Words,
  filter: Filter,
  given: number | undefined,
  options: Options,
) {
  if (Object.keys(filter).length === 0 && !options.all) {
    throw new CommandError(`Say what to ${words.action}: <source> <id>, a filter, or --all.`);
  }
  requireForce(filter.state, options.force ?? false);
  const { cutoff, total, first } = await preview(store, filter);
  const number = total === null ? 'A great many deliveries' : count(total, 'delivery', 'deliveries');
  if (options.dryRun && options.json) console.log(JSON.stringify({ total, first }, null, 2));
  else if (options.dryRun || total === 0) {
    console.log(`${number} would be ${words.done}: ${describeFilter(filter)}.`);
    if (first.length > 0) console.log(`The first of them:\n${deliveriesTable(first)}`);
  }
  if (options.dryRun || total === 0) return;
  if (!(await mayGoOn(words, number, total, filter, options))) throw new CommandError('Nothing was changed.');
  const rate = given ?? rateSchema.parse(DEFAULT_RATE);
  const { action } = words;
  const keepId = options.keepId ?? false;
  const session = await createSession(store, {
    action,
    filter,
    by: operatorName(),
    rate,
    keepId,
    cutoff,
    total,
  });
  await run(store, session, report(words, options));
}

/** More than one is asked for on a terminal. Elsewhere a replay goes on, and what cannot be undone wants --yes. */
async function mayGoOn(words: Words, number: string, total: number | null, filter: Filter, options: Options) {
  if (options.yes || total === 1) return true;
  if (isTerminal()) return confirm(`${words.verb} ${number} (${describeFilter(filter)})?`);
  if (words.action === 'discard') throw new CommandError(`${number} would be discarded. Add --yes to do so.`);
  return true;
}

async function resume(
  store: DeliveryStore,
  words: Words,
  id: string,
  rate: number | undefined,
  options: Options,
) {
  const session = await resumeSession(store, id, { rate, action: words.action });
  await run(store, session, report(words, options));
}
