/** What the commands that act as a provider have in common: options, the sender's life, and `--print-env`. */
import type { Command } from 'commander';
import type { Settings } from '../../lib/settings/settings.js';
import { loadContext } from '../command.js';
import type { JsonOption } from '../output.js';
import { environmentLines, openSender, type OpenSender, type SenderOptions } from './open-sender.js';

/** As commander hands them over. */
export interface SenderCommandOptions extends JsonOption, SenderOptions {
  url?: string;
  printEnv?: boolean;
}

export function addSenderOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the receiver; default: this machine, at PORT')
    .option(
      '--key-server-port <port>',
      'pitchpoint and pce: where keys and certificates are served on 127.0.0.1',
    )
    .option('--print-env', 'print the environment that the receiver needs, and send nothing')
    .option('--json', 'print JSON');
}

/** Runs `use` with the sender of a source, which is closed afterwards; with `--print-env` it only prints. */
export async function withSender(
  source: string,
  options: SenderCommandOptions,
  use: (opened: OpenSender, settings: Settings) => Promise<void>,
): Promise<void> {
  const context = await loadContext();
  const opened = await openSender(context, source, options);
  try {
    if (options.printEnv) console.log(environmentLines(opened.sender.environment));
    else await use(opened, context.settings);
  } finally {
    await opened.sender.close();
  }
}
