import { explained, print } from '../output.js';
import { loadContext, type AddCommand } from '../command.js';
import { environmentLines, openSender } from '../send/open-sender.js';
import { describeReport } from './describe.js';
import { readPlan, type SimulateOptions } from './plan.js';
import { runSimulation } from './run.js';

export const addSimulate: AddCommand = (program) => {
  program
    .command('simulate')
    .description(
      'act as a provider does: its retries, time-out, handshake and blocking; report what came of it',
    )
    .argument('<provider>', 'pitchpoint, pce or petstore')
    .option('--url <url>', 'the receiver; default: this machine, at PORT')
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
    .option('--no-check', 'do not ask the receiver what became of the events')
    .option(
      '--key-server-port <port>',
      'pitchpoint and pce: where keys and certificates are served on 127.0.0.1',
    )
    .option('--print-env', 'print the environment that the receiver needs, and send nothing')
    .option('--json', 'print JSON')
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
  const context = await loadContext();
  const opened = await openSender(context, provider, options);
  try {
    if (options.printEnv) {
      console.log(environmentLines(opened.sender.environment));
      return;
    }
    const report = await runSimulation(opened, readPlan(options, context.settings));
    if (options.json) print(report);
    else console.log(describeReport(report));
    if (!report.ok) process.exitCode = 1;
  } finally {
    await opened.sender.close();
  }
}
