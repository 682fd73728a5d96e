import { setTimeout as wait } from 'node:timers/promises';
import { readActivity } from './logs.js';
import type { Project } from './project.js';
import type { Sent } from './traffic.js';

/** A batch of deliveries, and what happens to the containers while it is sent. */
export interface Phase {
  name: string;
  deliveries: number;
  /** Runs once a third is sent. */
  disturb(project: Project): Promise<unknown>;
  /** What a sender may be answered meanwhile instead of 200. */
  tolerated: RegExp;
}

export const CALM: Phase = {
  name: 'undisturbed',
  deliveries: 300,
  disturb: async () => {},
  tolerated: /^never$/,
};

export const DISTURBED: Phase[] = [
  {
    name: 'Redis restarts',
    deliveries: 150,
    disturb: (project) => project.compose('restart', 'redis'),
    tolerated: /^503$/,
  },
  {
    name: 'Redis is killed',
    deliveries: 150,
    disturb: (project) => kill(project, 'redis'),
    tolerated: /^503$/,
  },
  {
    name: 'workers are killed',
    deliveries: 150,
    disturb: (project) => kill(project, 'worker'),
    tolerated: /^never$/,
  },
  {
    name: 'receiver and workers restart',
    deliveries: 150,
    disturb: (project) => project.compose('restart', 'receiver', 'worker'),
    tolerated: /^(?:503|E[A-Z]+|socket hang up)$/,
  },
];

/** Without a chance to put anything in order. */
async function kill(project: Project, service: string): Promise<void> {
  await project.compose('kill', '-s', 'SIGKILL', service);
  await wait(1_000);
  await project.compose('start', service);
}

export interface Verdict {
  /** For the table. */
  row: Record<string, string | number>;
  problems: string[];
}

/** Was every delivery accepted in the end, and every accepted one completed? */
export async function judge(phase: Phase, sent: Sent[], project: Project): Promise<Verdict> {
  const { byEvent } = await readActivity(project, 'worker');
  const accepted = sent.filter((one) => one.accepted);
  const lost = accepted.filter(({ state }) => state !== 'completed');
  const refusals = sent.flatMap((one) => one.refusals);
  const strange = new Set(refusals.filter((refusal) => !phase.tolerated.test(refusal)));
  const repeated = sent.filter(({ source, id }) => (byEvent.get(`${source} ${id}`) ?? 0) > 1);
  const never = phase.deliveries - accepted.length;
  return {
    row: {
      phase: phase.name,
      sent: phase.deliveries,
      'answered 200': accepted.length,
      completed: accepted.length - lost.length,
      lost: lost.length,
      'refused tries': refusals.length,
      'handled twice': repeated.length,
    },
    problems: [
      ...lost.map(({ source, id, state }) => `${phase.name}: ${source} ${id} was accepted and is ${state}`),
      ...Array.from(strange, (refusal) => `${phase.name}: a delivery was answered ${refusal}`),
      ...(never > 0 ? [`${phase.name}: ${never} were never accepted`] : []),
    ],
  };
}
