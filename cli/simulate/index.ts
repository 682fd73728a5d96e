import { explained, print } from '../output.js';
import type { AddCommand } from '../command.js';
import { addSenderOptions, withSender } from '../send/sender-command.js';
import { describeReport } from './describe.js';
import { readPlan, type SimulateOptions } from './plan.js';
import { runSimulation } from './run.js';

export const addSimulate: AddCommand = (program) => {
  const command = program
    .command('simulate')
    .description(
      'act as a provider does: its retries, time-out, handshake and blocking; report what came of it',
    )
    .argument('<provider>', 'pitchpoint, pce or petstore')
    .option('--events <n>', 'how many', '100')
    .option('--rate <n>', 'new events a second', '50')
    .option('--speed <n>', 'divides the pauses between tries: 60 makes an hour a minute', '1')
    .option('--out-of-order', 'events overtake each other')
    .option('--duplicates <share>', 'this share of them is sent once more, such as 5%', '0%')
    .option('--rotate-keys', 'pitchpoint: a new signing key after half of the events')
    .option('--concurrency <n>', 'so many exchanges at once at most', '50')
    .option('--admin-url <url>', "where the receiver's /admin is, if not at --url")
    .option('--admin-user <name>', 'default: ADMIN_USER')
    .option('--admin-password <password>', 'default: ADMIN_PASSWORD, which no list of processes shows')
    .option(
      '--settle <duration>',
      'how long to wait for the subscription, and for events in hand while none ends',
      '30s',
    )
    .option('--no-check', 'do not ask the receiver what became of the events');
  addSenderOptions(command)
    .addHelpText(
      'after',
      `
Schedules (docs/providers): petstore sends at once, then after 1 min, 5 min, 30 min and 1 h, then disables the
endpoint. pce tries five times, then blocks it, and takes any answer from 200 to 499 for delivered. pitchpoint tries
again after 5xx only, and takes a 403 for final.

Exit code 1 when an event was lost, refused or handled twice, the endpoint blocked or the subscription not confirmed.

Examples:
  hookline simulate petstore --events 500 --speed 600
  hookline simulate pce --duplicates 5% --out-of-order
  env $(hookline simulate pitchpoint --print-env) npm start
  hookline simulate pitchpoint --rotate-keys --json`,
    )
    .action(explained(simulate));
};

async function simulate(provider: string, options: SimulateOptions): Promise<void> {
  await withSender(provider, options, async (opened, settings) => {
    const report = await runSimulation(opened, readPlan(options, settings));
    if (options.json) print(report);
    else console.log(describeReport(report));
    if (!report.ok) process.exitCode = 1;
  });
}
