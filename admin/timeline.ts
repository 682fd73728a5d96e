/** What happened to a delivery, in order, and who did it. */
import type { Delivery, Happening } from './api.js';
import { outcomeWords, toAttempt } from './attempts.js';
import { html } from './html.js';
import { LongText, Moment } from './status.js';
import { duration, stateWords, time } from './words.js';

interface Told {
  what: string;
  more?: string | null;
  tone?: 'good' | 'bad' | 'warn';
}

export function Timeline({ delivery }: { delivery: Delivery }) {
  const { history, source } = delivery;
  return html`<section aria-labelledby="timeline">
    <h2 id="timeline">Timeline</h2>
    ${history.length === 0 && html`<p class="muted">Nothing is known of what happened to it.</p>`}
    <ol class="timeline">
      ${history.map((happening, index) => {
        const { what, more, tone } = tell(happening, delivery, source);
        return html`<li class=${tone ?? null}>
          <p>
            <strong>${what}</strong>${more && html`<span class="wrap"> <${LongText} text=${more} /></span>`}
          </p>
          <p class="muted">
            <${Moment} at=${happening.at} text=${time(happening.at)} />${since(history[index - 1], happening)}
          </p>
        </li>`;
      })}
    </ol>
  </section>`;
}

function since(before: Happening | undefined, { at }: Happening): string {
  const seconds = before ? (Date.parse(at) - Date.parse(before.at)) / 1_000 : NaN;
  return seconds >= 0 ? `, ${duration(seconds)} later` : '';
}

function tell(happening: Happening, delivery: Delivery, source: string): Told {
  const text = (name: string) => {
    const value = happening[name];
    return typeof value === 'string' ? value : null;
  };
  switch (happening.event) {
    case 'received':
      return { what: `Received from ${source}, verified and queued` };
    case 'attempt': {
      const { attempt, outcome, ms, error } = toAttempt(happening);
      const tone =
        outcome === 'completed' ? 'good' : outcome === 'failed' || outcome === 'quarantined' ? 'bad' : 'warn';
      const took = ms === null ? '' : ` (took ${duration(ms / 1_000)})`;
      return { what: `Attempt ${attempt}: ${outcomeWords(outcome)}${took}`, more: error, tone };
    }
    case 'step':
      return { what: `Step “${text('name')}” done`, more: attemptOf(happening) };
    case 'replay':
      return {
        what: `Replayed by ${text('by')}`,
        more: text('filter') && `with the filter ${text('filter')}`,
      };
    case 'completed':
      return { what: 'Handled with success', more: handlerOf(delivery), tone: 'good' };
    case 'failed':
      return { what: delivery.failure === 'quarantined' ? 'Quarantined' : 'Failed for good', tone: 'bad' };
    default:
      return { what: stateWords(happening.event) };
  }
}

const handlerOf = ({ handler }: Delivery) => (handler === null ? null : `by ${handler}`);

const attemptOf = ({ attempt }: Happening) => (typeof attempt === 'number' ? `in attempt ${attempt}` : null);
