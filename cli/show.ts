import { describeDelivery } from '../lib/deliveries/describe.js';
import type { DeliveryState, Happening } from '../lib/deliveries/schema.js';
import { CommandError, loadContext, requireSource, withStore, type AddCommand } from './command.js';
import { printable, printableLines } from './text.js';

const EXAMPLES = `
Examples:
  hookline show petstore 019b4132-70aa-764f-b315-e2803d882a24
  hookline show petstore 019b4132-70aa-764f-b315-e2803d882a24 --json`;

export const addShow: AddCommand = (program) => {
  program
    .command('show')
    .description('what became of a delivery, with its whole history')
    .argument('<source>', 'pitchpoint, pce or petstore')
    .argument('<id>', "the webhook id, or a job's")
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, id: string, { json }: { json?: boolean }) => {
      const context = await loadContext();
      requireSource(context, source);
      const state = await withStore(context, (store) => describeDelivery(store, source, id));
      if (!state) throw new CommandError(`No delivery ${id} is remembered for ${source}.`);
      console.log(json ? JSON.stringify(state, null, 2) : describe(state));
    });
};

function describe({ history, steps, stack, ...fields }: DeliveryState): string {
  const lines = Object.entries(fields)
    // Replays are in the history.
    .filter(([name, value]) => name !== 'replays' && value !== null && value !== false)
    .map(([name, value]) => `${name.padEnd(16)}${printable(value)}`);
  if (history.length > 0) lines.push('', 'history', ...history.map(happening));
  if (steps.length > 0) {
    lines.push(
      '',
      'steps',
      ...steps.map(({ name, at, value }) => happening({ at: at ?? '', event: name, value })),
    );
  }
  if (stack) lines.push('', 'stack of the last failure', printableLines(stack));
  return lines.join('\n');
}

function happening({ at, event, ...rest }: Happening): string {
  const parts = Object.entries(rest).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  return `  ${at.padEnd(26)}${printable(event).padEnd(12)}${printable(parts.join(' '))}`.trimEnd();
}
