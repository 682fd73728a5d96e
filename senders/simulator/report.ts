import type { TallySummary } from '../traffic/tally.js';
import type { EventOutcome, EventRecord, Simulation } from './provider.js';
import type { Fate } from './receiver.js';
import type { RetrySchedule } from './schedules.js';

/** What became of the events at the receiver. */
export interface ReceiverReport {
  handled: number;
  failed: number;
  /** Accepted, and neither handled nor failed when we stopped looking. */
  pending: number;
  /** Of no event the receiver knows anything of: neither delivered nor kept. */
  lost: number;
  /** At most 20 of them. */
  lostIds: string[];
  /** Events that it took for new more than once, so that they are handled more than once. */
  handledTwice: number;
  /** Deliveries that it recognised as duplicates. */
  duplicatesRecognised: number;
  /** Events of which its workers needed more than one attempt. */
  reattempted: number;
  /** Why events failed, and how many each, at most 5. */
  failures: Record<string, number>;
}

export interface Report extends TallySummary {
  provider: string;
  url: string;
  speed: number;
  /** PCE only: was the subscription confirmed? */
  confirmed: boolean | null;
  events: number;
  delivered: number;
  /** Events that took more than one try. */
  retried: number;
  duplicatesSent: number;
  refused: number;
  givenUp: number;
  withheld: number;
  blocked: boolean;
  blockedBy: Simulation['blockedBy'];
  /** `null`: not asked, or it could not be. */
  receiver: ReceiverReport | null;
  interrupted: boolean;
  /** What is wrong, and what to do, in the order of weight. */
  findings: string[];
  ok: boolean;
}

/** How the handshake went: the last answer to it, and whether the receiver confirmed the subscription. */
export interface Handshake {
  answer: string;
  confirmed: boolean;
}

export interface ReportInput {
  schedule: RetrySchedule;
  url: string;
  speed: number;
  /** `null`: the provider has none. */
  handshake: Handshake | null;
  simulation: Simulation;
  /** What the receiver said of each event; why it could not be asked; `null`: it was not to be asked. */
  fates: Map<string, Fate> | Error | null;
  interrupted: boolean;
}

export function makeReport(input: ReportInput): Report {
  const { simulation, schedule, url, speed, handshake, fates, interrupted } = input;
  const { events, duplicatesSent, blockedBy, answers, latency } = simulation;
  const count = (outcome: EventOutcome) => events.filter((event) => event.outcome === outcome).length;
  const receiver = fates instanceof Map ? describeReceiver(events, fates) : null;
  const figures = {
    provider: schedule.provider,
    url,
    speed,
    confirmed: handshake?.confirmed ?? null,
    events: events.length,
    delivered: count('delivered'),
    retried: events.filter(({ tries }) => tries > 1).length,
    duplicatesSent,
    refused: count('refused'),
    givenUp: count('given-up'),
    withheld: count('withheld'),
    blocked: blockedBy !== null,
    blockedBy,
    receiver,
    interrupted,
    answers,
    latency,
  };
  const serious = [
    ...problemsOfHandshake(handshake),
    ...problemsOfSending(figures, schedule),
    ...problemsOfReceiver(receiver, fates),
  ];
  return { ...figures, findings: [...serious, ...remarks(figures, schedule)], ok: serious.length === 0 };
}

function describeReceiver(events: EventRecord[], fates: Map<string, Fate>): ReceiverReport {
  const withFate = (state: Fate['state']) =>
    events.filter(({ id }) => (fates.get(id)?.state ?? 'pending') === state);
  const lost = withFate('unknown').map(({ id }) => id);
  const answers = (event: EventRecord, wanted: string) =>
    event.answers.filter((answer) => answer === wanted).length;
  const failures: Record<string, number> = {};
  for (const { id } of withFate('failed')) {
    const reason = fates.get(id)?.reason ?? 'no reason given';
    if (failures[reason] !== undefined || Object.keys(failures).length < 5)
      failures[reason] = (failures[reason] ?? 0) + 1;
  }
  return {
    handled: withFate('completed').length,
    failed: withFate('failed').length,
    pending: withFate('pending').length,
    lost: lost.length,
    lostIds: lost.slice(0, 20),
    handledTwice: events.filter((event) => answers(event, '200 accepted') > 1).length,
    duplicatesRecognised: events.reduce((sum, event) => sum + answers(event, '200 duplicate'), 0),
    reattempted: events.filter(({ id }) => (fates.get(id)?.attempts ?? 0) > 1).length,
    failures,
  };
}

type Figures = Omit<Report, 'findings' | 'ok'>;

function problemsOfHandshake(handshake: Handshake | null): string[] {
  if (handshake === null || handshake.confirmed) return [];
  const { answer } = handshake;
  const cause = answer.startsWith('2')
    ? 'A worker must be running, and PCE_TRUSTED_ORIGINS must name the origin that "hookline simulate pce --print-env" prints, at receiver and worker.'
    : `The receiver answered ${answer}; its log names the likely cause. To make it trust this sender, start it with what "hookline simulate pce --print-env" prints.`;
  return [`The subscription was not confirmed, so that no event is sent. ${cause}`];
}

function problemsOfSending(figures: Figures, schedule: RetrySchedule): string[] {
  const { blockedBy, refused, withheld, interrupted } = figures;
  const problems: string[] = [];
  if (blockedBy) {
    const { consequence, delays, todo } = schedule;
    problems.push(
      `The endpoint is BLOCKED: ${schedule.provider} has ${consequence} it, as ${blockedBy.id} failed ${delays.length} times, at last with ${blockedBy.answer}; ${withheld} events were not sent. ${todo}`,
    );
  }
  if (refused > 0) {
    problems.push(
      `${refused} events were refused and will not be sent again: the receiver's log names the likely cause. To make it trust this sender, start it with what "hookline simulate ${schedule.provider} --print-env" prints.`,
    );
  }
  if (interrupted) problems.push('It was interrupted: what follows is of the events until then.');
  return problems;
}

function problemsOfReceiver(receiver: ReceiverReport | null, fates: ReportInput['fates']): string[] {
  if (fates instanceof Error) return [fates.message];
  if (!receiver) return [];
  const { lost, lostIds, handledTwice } = receiver;
  const problems: string[] = [];
  if (lost > 0) {
    const some = lostIds.slice(0, 3).join(', ');
    problems.push(
      `${lost} events are LOST: the receiver knows nothing of them (${some}${lost > 3 ? ', …' : ''}). Ask the provider to send them again, once the receiver is mended.`,
    );
  }
  if (handledTwice > 0) {
    problems.push(
      `${handledTwice} events were taken for new more than once: check DEDUPE_WINDOW, that all receivers share one REDIS_URL and QUEUE_PREFIX, and that Redis keeps its data.`,
    );
  }
  return problems;
}

/** What is worth knowing and no failure. */
function remarks({ receiver, latency }: Figures, { timeoutMs, provider }: RetrySchedule): string[] {
  const found: string[] = [];
  if (receiver && receiver.failed > 0) {
    const reasons = Object.entries(receiver.failures).map(([reason, count]) => `\n  ${count} × ${reason}`);
    found.push(
      `${receiver.failed} events failed in their handlers and are kept, to be retried once that is mended:${reasons.join('')}`,
    );
  }
  if (receiver && receiver.pending > 0) {
    found.push(`${receiver.pending} events were still in hand: is a worker running, and does it keep up?`);
  }
  if (latency && latency.p99 > timeoutMs / 2) {
    found.push(
      `Answers are slow: ${latency.p99} ms at the 99th percentile, where ${provider} waits ${timeoutMs} ms.`,
    );
  }
  return found;
}
