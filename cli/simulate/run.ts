/** One simulation from the handshake to the report. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAgent } from '../../senders/traffic/agent.js';
import { attempt, type Attempt } from '../../senders/traffic/attempt.js';
import type { PceSender } from '../../senders/pce.js';
import { pceSubscriptionConfirmation } from '../../senders/samples/pce.js';
import type { RequestOptions, Sample } from '../../senders/sender.js';
import { simulate, type SimulatedEvent, type Simulation } from '../../senders/simulator/provider.js';
import { follow, ReceiverError } from '../../senders/simulator/receiver.js';
import { makeReport, type Handshake, type Report } from '../../senders/simulator/report.js';
import { schedules, type RetrySchedule } from '../../senders/simulator/schedules.js';
import { CommandError } from '../command.js';
import { ProgressBar } from '../progress.js';
import type { OpenSender } from '../send/open-sender.js';

import type { SimulationPlan } from './plan.js';

/** Sends one event once, with both legs where the protocol has two. */
type Send = (sample: Sample, options: RequestOptions) => Promise<Attempt>;

/** @throws {CommandError} when the provider cannot do what is asked of it */
export async function runSimulation(opened: OpenSender, plan: SimulationPlan): Promise<Report> {
  const schedule = schedules[opened.sender.source];
  if (!schedule) throw new CommandError(`How ${opened.sender.source} sends again is not known.`);
  if (plan.rotateKeys && !opened.pitchpoint) throw new CommandError('--rotate-keys is for pitchpoint only.');
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal);
  const { agent, close } = openAgent(plan.url, plan.concurrency);
  const exchange = { timeoutMs: schedule.timeoutMs, agent };
  const send: Send = opened.pce
    ? (sample, options) => sendTwoLegs(opened.pce as PceSender, plan.url, sample, options, exchange)
    : async (sample, options) => attempt(plan.url, await opened.sender.request(sample, options), exchange);
  try {
    const handshake = opened.pce ? await subscribe(opened.pce, send, schedule, plan, stop.signal) : null;
    const isRefused = handshake?.confirmed === false;
    const events = isRefused ? [] : makeEvents(opened, plan, send);
    const simulation = await run(opened, events, schedule, plan, stop.signal);
    const interrupted = stop.signal.aborted;
    const fates = isRefused ? null : await askReceiver(opened, simulation, plan, interrupted);
    return makeReport({
      schedule,
      url: plan.url,
      speed: plan.speed,
      handshake,
      simulation,
      fates,
      interrupted,
    });
  } finally {
    process.removeListener('SIGINT', onSignal);
    close();
  }
}

/** Ids and times are made here, in order; each try makes its request anew, as tokens do not last. */
function makeEvents({ samples }: OpenSender, plan: SimulationPlan, send: Send): SimulatedEvent[] {
  return Array.from({ length: plan.events }, (_, index) => {
    const sample = samples[index % samples.length];
    if (!sample) throw new CommandError('There are no sample events of this provider.');
    const id = randomUUID();
    let triggeredAt: string | undefined;
    return {
      id,
      send: () => {
        triggeredAt ??= new Date().toISOString();
        return send(sample, { id, triggeredAt });
      },
    };
  });
}

async function run(
  { sender, pitchpoint }: OpenSender,
  events: SimulatedEvent[],
  schedule: RetrySchedule,
  plan: SimulationPlan,
  signal: AbortSignal,
): Promise<Simulation> {
  const bar = new ProgressBar(process.stderr, events.length, {
    label: `${sender.source}: delivered`,
    terminalOnly: true,
  });
  try {
    return await simulate(events, {
      schedule,
      ...plan,
      signal,
      onProgress: (ended, blocked) => bar.update({ done: ended, ...(blocked && { note: 'BLOCKED' }) }),
      ...(plan.rotateKeys && { atHalf: async () => pitchpoint?.rotate() }),
    });
  } finally {
    bar.end();
  }
}

/** What SNS does: with Basic auth, first without credentials; a 401 with a challenge has them sent. */
async function sendTwoLegs(
  pce: PceSender,
  url: string,
  sample: Sample,
  options: RequestOptions,
  exchange: Parameters<typeof attempt>[2],
): Promise<Attempt> {
  if (!pce.hasCredentials) return attempt(url, await pce.request(sample, options), exchange);
  const first = await attempt(url, await pce.request(sample, { ...options, authenticated: false }), exchange);
  const challenged = first.status === 401 && /^basic\b/i.test(first.headers['www-authenticate'] ?? '');
  return challenged ? attempt(url, await pce.request(sample, options), exchange) : first;
}

/** The handshake: nothing is sent to an endpoint that has not confirmed its subscription. */
async function subscribe(
  pce: PceSender,
  send: Send,
  schedule: RetrySchedule,
  plan: SimulationPlan,
  signal: AbortSignal,
): Promise<Handshake> {
  const message = { id: randomUUID(), triggeredAt: new Date().toISOString() };
  const event = { id: message.id, send: () => send(pceSubscriptionConfirmation, message) };
  const once = { ...plan, schedule, signal, outOfOrder: false, duplicates: 0 };
  const { events } = await simulate([event], once);
  const answer = events[0]?.answers.at(-1) ?? 'nothing';
  // SNS takes a 403 for delivered, but then nobody will confirm.
  if (!answer.startsWith('2')) return { answer, confirmed: false };
  // SNS gives it days; whoever watches does not.
  const until = Date.now() + plan.settleMs;
  while (pce.confirmations.length === 0 && Date.now() < until && !signal.aborted) await sleep(50);
  return { answer, confirmed: pce.confirmations.length > 0 };
}

function isOk(answer: string): boolean {
  return answer.startsWith('200');
}

async function askReceiver(
  { sender }: OpenSender,
  { events }: Simulation,
  { admin, settleMs }: SimulationPlan,
  interrupted: boolean,
) {
  if (!admin) return null;
  const bar = new ProgressBar(process.stderr, events.length, {
    label: `${sender.source}: handled`,
    terminalOnly: true,
  });
  const ids = events.map(({ id }) => id);
  const taken = new Set(events.filter(({ answers }) => answers.some(isOk)).map(({ id }) => id));
  try {
    return await follow(sender.source, ids, {
      ...admin,
      settleMs: interrupted ? 0 : settleMs,
      isTaken: (id) => taken.has(id),
      onProgress: (ended) => bar.update({ done: ended }),
    });
  } catch (error) {
    if (!(error instanceof ReceiverError)) throw error;
    return error;
  } finally {
    bar.end();
  }
}
