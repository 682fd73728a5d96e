/** Each attempt with its outcome, how long it took, and its error. */
import type { Delivery, Happening } from './api.js';
import { html } from './html.js';
import { Badge, LongText } from './status.js';
import { duration } from './words.js';

export interface Attempt {
  attempt: number;
  outcome: string;
  ms: number | null;
  error: string | null;
}

/** The attempts of a history. One that succeeded at once leaves no line there: the delivery itself tells of it. */
export function attemptsOf({ history, state, startedAt, finishedAt, attemptsMade }: Delivery): Attempt[] {
  const attempts = history.filter(({ event }) => event === 'attempt').map(toAttempt);
  if (attempts.length > 0 || state !== 'completed' || startedAt === null || finishedAt === null)
    return attempts;
  const ms = Date.parse(finishedAt) - Date.parse(startedAt);
  return [{ attempt: Math.max(attemptsMade, 1), outcome: 'completed', ms, error: null }];
}

export function toAttempt({ attempt, outcome, ms, error }: Happening): Attempt {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  return {
    attempt: Number(attempt),
    outcome: String(outcome),
    ms: typeof ms === 'number' ? ms : null,
    error: message === undefined ? null : `${name ?? 'Error'}: ${message}`,
  };
}

const TONES: Record<string, string> = {
  completed: 'ok',
  retried: 'pending',
  failed: 'failed',
  quarantined: 'failed',
};

const WORDS: Record<string, string> = {
  completed: 'handled',
  retried: 'failed, to be tried again',
  failed: 'failed for good',
  quarantined: 'quarantined',
  returned: 'given back',
  stale: 'too old, left out',
};

export const outcomeWords = (outcome: string): string => WORDS[outcome] ?? outcome;

export function Attempts({ delivery }: { delivery: Delivery }) {
  const attempts = attemptsOf(delivery);
  return html`<section aria-labelledby="attempts">
    <h2 id="attempts">Attempts</h2>
    ${
      attempts.length === 0
        ? html`<p class="muted">No attempt has ended yet.</p>`
        : html`<table class="list attempts" role="table">
            <thead role="rowgroup">
              <tr role="row">
                ${['Attempt', 'Outcome', 'Took', 'Error'].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
              </tr>
            </thead>
            <tbody role="rowgroup">
              ${attempts.map((attempt) => html`<${Row} attempt=${attempt} />`)}
            </tbody>
          </table>`
    }
  </section>`;
}

function Row({ attempt: { attempt, outcome, ms, error } }: { attempt: Attempt }) {
  return html`<tr role="row">
    <th role="rowheader" scope="row" data-name="Attempt">${attempt}</th>
    <td role="cell" data-name="Outcome">
      <${Badge} state=${TONES[outcome] ?? outcome} text=${outcomeWords(outcome)} />
    </td>
    <td role="cell" data-name="Took">${ms === null ? '–' : duration(ms / 1_000)}</td>
    <td role="cell" data-name="Error" class=${error ? 'wrap' : 'none'}>
      ${error && html`<${LongText} text=${error} />`}
    </td>
  </tr>`;
}
