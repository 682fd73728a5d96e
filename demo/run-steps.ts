import { setTimeout as sleep } from 'node:timers/promises';
import { post } from '../senders/sender.js';
import type { Step } from './steps.js';

/** What came of a step. */
export interface Outcome {
  step: Step;
  answer: string;
  state: string;
  milliseconds: number;
  asExpected: boolean;
}

const DEADLINE = 10_000;
const POLL = 50;
const ENDED = new Set(['completed', 'failed', 'not stored']);

/**
 * Sends every step over HTTP, one after the other, each as soon as the one before is answered, and then waits
 * until each has ended.
 */
export async function runSteps(address: string, steps: Step[]): Promise<Outcome[]> {
  const answers: Array<{ step: Step; answer: string; milliseconds: number; forgotten: boolean }> = [];
  for (const step of steps) {
    const { status, body, milliseconds } = await post(address, step.request, { timeoutMs: DEADLINE });
    const told = status === 200 ? ` ${(JSON.parse(body) as { status: string }).status}` : '';
    // Asked at once: for a first leg without credentials the id becomes known with the second.
    const forgotten = step.state === 'not stored' && (await stateOf(address, step)) === 'not stored';
    answers.push({ step, answer: `${status}${told}`, milliseconds, forgotten });
  }
  return Promise.all(
    answers.map(async ({ step, answer, milliseconds, forgotten }) => {
      const state = forgotten ? 'not stored' : await finalState(address, step);
      return {
        step,
        answer,
        milliseconds,
        state,
        asExpected: answer === step.answer && state === step.state,
      };
    }),
  );
}

async function finalState(address: string, step: Step): Promise<string> {
  const until = Date.now() + DEADLINE;
  for (;;) {
    const state = await stateOf(address, step);
    if (ENDED.has(state) || Date.now() > until) return state;
    await sleep(POLL);
  }
}

async function stateOf(address: string, { source, request, askFor }: Step): Promise<string> {
  const id = encodeURIComponent(askFor ?? request.id);
  const response = await fetch(`${address}/admin/api/deliveries/${source}/${id}`, {
    signal: AbortSignal.timeout(DEADLINE),
  });
  if (response.status === 404) return 'not stored';
  if (!response.ok) return `unknown (${response.status})`;
  return ((await response.json()) as { state: string }).state;
}
