#!/usr/bin/env node
/** The operator's command line. One file for each command; this one only gathers them. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { CommandError } from './command.js';
import { addDeliveries } from './deliveries.js';
import { addHandlers } from './handlers.js';
import { addHealth } from './health.js';
import { addDiscard, addReplay } from './replay.js';
import { addReplays } from './replays.js';
import { addShow } from './show.js';
import { addStart } from './start.js';
import { addDoctor } from './doctor/index.js';
import { addEndpoints } from './endpoints/index.js';
import { addSend } from './send/index.js';
import { addSimulate } from './simulate/index.js';
import { HooklineError } from '../lib/errors.js';
import { HandlersError } from '../lib/handler.js';
import { SettingsError } from '../lib/settings/settings.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('hookline')
  .description('The webhook receiver that you put in front of your providers.')
  .version(version)
  .addHelpText('after', '\nSettings are environment variables; README.md lists them.');

for (const add of [
  addStart,
  addShow,
  addDeliveries,
  addReplay,
  addDiscard,
  addReplays,
  addHandlers,
  addHealth,
  addEndpoints,
  addSend,
  addSimulate,
  addDoctor,
])
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
