import type { Command } from 'commander';

/** What the options of a filter are called; `lib/deliveries/schema.ts` checks their values. */
export interface FilterOptions {
  source?: string;
  id?: string;
  topic?: string;
  tenant?: string;
  state?: string;
  reason?: string;
  since?: string;
  until?: string;
}

/** Adds the options that say which deliveries are meant. */
export function addFilterOptions(command: Command, states: string): Command {
  return command
    .option('--source <name>', 'of this provider')
    .option('--topic <topic>', "of this topic; '*' stands for any characters")
    .option('--tenant <tenant>', "of this tenant; '*' likewise")
    .option('--state <state>', states)
    .option('--reason <text>', 'whose reason of failure has this text in it')
    .option(
      '--since <time>',
      'ended at this time or later: 2026-01-31T08:00Z, or 2h, 3d ago; received, if it has not ended',
    )
    .option('--until <time>', 'ended at this time or earlier, likewise');
}

/** The filter among a command's options. */
export function filterOf(options: FilterOptions): FilterOptions {
  const { source, id, topic, tenant, state, reason, since, until } = options;
  const all = { source, id, topic, tenant, state, reason, since, until };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
