#!/usr/bin/env node
/** The operator's command line. One file for each command; this one only gathers them. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { CommandError, type AddCommand } from './command.js';
import { HooklineError } from '../lib/errors.js';
import { HandlersError } from '../lib/handler.js';
import { SettingsError } from '../lib/settings/settings.js';

/** Only the command that is asked for is loaded, as some bring much with them; for the help, all of them. */
const commands: Record<string, () => Promise<AddCommand>> = {
  start: async () => (await import('./start.js')).addStart,
  show: async () => (await import('./show.js')).addShow,
  deliveries: async () => (await import('./deliveries.js')).addDeliveries,
  replay: async () => (await import('./replay.js')).addReplay,
  discard: async () => (await import('./replay.js')).addDiscard,
  replays: async () => (await import('./replays.js')).addReplays,
  handlers: async () => (await import('./handlers.js')).addHandlers,
  health: async () => (await import('./health.js')).addHealth,
  endpoints: async () => (await import('./endpoints/index.js')).addEndpoints,
  send: async () => (await import('./send/index.js')).addSend,
  simulate: async () => (await import('./simulate/index.js')).addSimulate,
  doctor: async () => (await import('./doctor/index.js')).addDoctor,
};

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('hookline')
  .description('The webhook receiver that you put in front of your providers.')
  .version(version)
  .addHelpText('after', '\nSettings are environment variables; README.md lists them.');

const [, , asked = ''] = process.argv;
const load = Object.hasOwn(commands, asked) ? commands[asked] : undefined;
for (const add of await Promise.all((load ? [load] : Object.values(commands)).map((one) => one())))
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  const mendable = [CommandError, SettingsError, HandlersError, HooklineError].some(
    (type) => error instanceof type,
  );
  process.stderr.write(`hookline: ${mendable ? (error as Error).message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}
