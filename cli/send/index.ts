import { setTimeout as sleep } from 'node:timers/promises';
import { openAgent } from '../../senders/traffic/agent.js';
import { attempt } from '../../senders/traffic/attempt.js';
import { inPace } from '../../senders/traffic/pace.js';
import { Tally } from '../../senders/traffic/tally.js';
import type { RequestOptions, Sample, SignedRequest } from '../../senders/sender.js';
import { CommandError, type AddCommand } from '../command.js';
import { explained, note, print, type JsonOption } from '../output.js';
import type { OpenSender } from './open-sender.js';
import { ProgressBar } from '../progress.js';
import { readPlan, type Plan, type SendOptions } from './plan.js';
import { addSenderOptions, withSender } from './sender-command.js';
import { describeTally } from './summary.js';

const CONFIRMATION_WAIT = 10_000;

export const addSend: AddCommand = (program) => {
  const command = program
    .command('send')
    .description('send signed deliveries to a receiver, as the provider would')
    .argument('<source>', 'pitchpoint, pce or petstore')
    .argument('[topic]', 'the event; default: the first sample of the provider')
    .option('--count <n>', 'how many, each with an id of its own', '1')
    .option('--rate <n>', 'so many a second at most; default: as fast as they are answered')
    .option('--concurrency <n>', 'so many at once at most', '20')
    .option('--duplicates <share>', 'this share of them is sent twice, such as 10%', '0%')
    .option('--tamper <what>', 'spoil them: body, signature or token')
    .option('--data <file>', 'the payload, as JSON; default: a sample')
    .option('--id <id>', 'the webhook id, where there is one only')
    .option('--sub-topic <value>', 'pitchpoint only')
    .option('--tenant <id>', 'pitchpoint only')
    .option('--timeout <duration>', 'for one answer', '15s');
  addSenderOptions(command)
    .addHelpText(
      'after',
      `
Pitchpoint and PCE prove themselves by keys: they are served on 127.0.0.1 while this runs, the same in every run
(kept under DATA_DIR/senders). A receiver that is to trust them is started with what --print-env prints.

Exit code 1 when an answer is not the one to expect: 2xx, or 401 or 403 for what --tamper has spoilt.

Examples:
  hookline send petstore pet.adopted
  env $(hookline send pitchpoint --print-env) npm start
  hookline send pitchpoint orders/placed --count 1000 --rate 100 --duplicates 10%
  hookline send petstore --tamper body`,
    )
    .action(explained(send));
};

async function send(source: string, topic: string | undefined, options: SendOptions): Promise<void> {
  await withSender(source, options, async (opened, settings) => {
    const plan = await readPlan(options, settings.PORT);
    const sample = sampleFor(opened, topic, plan.hasData);
    const tally = await sendAll(opened, sample, plan);
    await untilConfirmed(opened, sample, plan.tamper);
    report(opened, tally, plan, options);
  });
}

/** A topic without a sample is sent with an empty payload, unless there is one. */
function sampleFor(
  { samples, protocolSamples }: OpenSender,
  topic: string | undefined,
  hasData: boolean,
): Sample {
  const [first] = samples;
  if (topic === undefined && first) return first;
  const found = [...samples, ...protocolSamples].find((sample) => sample.topic === topic);
  if (found) return found;
  if (!hasData)
    note(`There is no sample of ${topic}: it is sent with an empty payload (--data gives it another).`);
  return { topic: topic ?? '', data: { eventType: topic } };
}

async function sendAll({ sender }: OpenSender, sample: Sample, plan: Plan): Promise<Tally> {
  const { count, duplicates, url, timeoutMs } = plan;
  const total = count + Math.round(count * duplicates);
  const bar = new ProgressBar(process.stderr, total, {
    label: `${sender.source} ${sample.topic}`,
    terminalOnly: true,
  });
  const tally = new Tally();
  const { agent, close } = openAgent(url, plan.concurrency);
  const sendOne = async (request: SignedRequest) => {
    const { label, milliseconds } = await attempt(url, request, { timeoutMs, agent });
    tally.add(label, milliseconds);
    bar.update({ done: tally.count });
  };
  try {
    await inPace(count, plan, async (index) => {
      const request = await signed(sender, sample, plan.request);
      await sendOne(request);
      // Spread evenly: the share of those so far that are sent twice is always the one asked for.
      if (Math.round((index + 1) * duplicates) > Math.round(index * duplicates)) await sendOne(request);
    });
  } finally {
    bar.end();
    close();
  }
  return tally;
}

async function signed(
  sender: OpenSender['sender'],
  sample: Sample,
  options: RequestOptions,
): Promise<SignedRequest> {
  try {
    return await sender.request(sample, options);
  } catch (error) {
    if (error instanceof TypeError) throw new CommandError(error.message);
    throw error;
  }
}

/** The receiver asks us to confirm: we must still be there. */
async function untilConfirmed(
  { pce }: OpenSender,
  sample: Sample,
  tamper: string | undefined,
): Promise<void> {
  if (!pce || tamper !== undefined || sample.topic !== 'SubscriptionConfirmation') return;
  const until = Date.now() + CONFIRMATION_WAIT;
  while (pce.confirmations.length === 0 && Date.now() < until) await sleep(50);
  note(
    pce.confirmations.length > 0
      ? 'The receiver has confirmed the subscription.'
      : 'The receiver has not confirmed the subscription: are workers running?',
  );
}

function report({ sender }: OpenSender, tally: Tally, plan: Plan, { json }: JsonOption): void {
  const summary = tally.summary();
  const unexpected = Object.entries(summary.answers)
    .filter(([answer]) => !(plan.tamper === undefined ? /^2/ : /^40[13]$/).test(answer))
    .reduce((sum, [, count]) => sum + count, 0);
  if (json) print({ url: plan.url, sent: tally.count, unexpected, ...summary });
  else console.log(describeTally(summary));
  if (unexpected === 0) return;
  process.exitCode = 1;
  const refused = ['401', '403'].some((status) => (summary.answers[status] ?? 0) > 0);
  if (plan.tamper !== undefined) note(`${unexpected} were not refused as what is spoilt should be.`);
  else if (summary.answers['404'])
    note(
      `The receiver has no source ${sender.source}: give it what "hookline send ${sender.source} --print-env" prints.`,
    );
  else if (refused) {
    note(
      `The receiver refuses them; its log says why. To make it trust this sender, start it with what "hookline send ${sender.source} --print-env" prints.`,
    );
  } else
    note(`${unexpected} were not taken. Is the receiver at ${plan.url}, and is it ready (/health/ready)?`);
}
