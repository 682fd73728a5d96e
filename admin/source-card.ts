/** One source: its state, what waits and failed, the last hour in figures and plots. */
import type { SourceOverview, Trust } from './api.js';
import { html, type Child } from './html.js';
import { Plot, type Line } from './plot.js';
import { deliveriesPath } from './router.js';
import { Badge, Moment } from './status.js';
import { ago, count, duration, plural, time } from './words.js';

/** @param props.now by the clock of the receiver, which the times are from */
export function SourceCard({ source: card, now }: { source: SourceOverview; now: number }) {
  const { source, enabled, lastDeliveryAt, depths, oldestWaitingSeconds, trust } = card;
  const title = `source-${source}`;
  const list = (state: string, figure: number) =>
    html`<a href=${deliveriesPath({ source, state })}>${count(figure)}</a>`;
  return html`<section class="card" aria-labelledby=${title}>
    <header>
      <h2 id=${title}>${source}</h2>
      <${Badge} state=${enabled ? 'ok' : 'off'} text=${enabled ? 'enabled' : 'not enabled'} />
    </header>
    <p class="muted">
      ${
        lastDeliveryAt === null
          ? 'Nothing is known of a last delivery.'
          : html`Last delivery${' '}
              <${Moment}
                at=${lastDeliveryAt}
                text=${ago(lastDeliveryAt, now)}
                title=${time(lastDeliveryAt)}
              />.`
      }
    </p>
    <dl class="figures">
      <${Figure} name="waiting" note=${depths.waiting > 0 && `oldest ${duration(oldestWaitingSeconds)}`}
        >${list('waiting', depths.waiting)}<//
      >
      <${Figure} name="in hand">${list('active', depths.active)}<//>
      <${Figure} name="to be retried">${list('delayed', depths.delayed)}<//>
      <${Figure} name="failed" bad=${depths.failed > 0}>${list('failed', depths.failed)}<//>
      <${Figure} name="handled">${list('completed', depths.completed)}<//>
    </dl>
    ${(enabled || hasTraffic(card)) && html`<${LastHour} card=${card} />`}
    ${
      trust.length > 0 &&
      html`<h3>Keys and subscriptions</h3>
        <ul class="trust">
          ${trust.map((one) => html`<${TrustLine} trust=${one} now=${now} />`)}
        </ul>`
    }
  </section>`;
}

function Figure(props: { name: string; note?: string | false; bad?: boolean; children: Child }) {
  return html`<div class=${props.bad ? 'bad' : null}>
    <dt>${props.name}${props.note && html`<small>${props.note}</small>`}</dt>
    <dd>${props.children}</dd>
  </div>`;
}

const COUNTED = [
  { name: 'accepted', colour: '--plot-1', always: true },
  { name: 'duplicate', colour: '--plot-2', always: true },
  { name: 'refused', colour: '--plot-3', always: true },
  { name: 'spooled', colour: '--plot-4', always: false },
  { name: 'unavailable', colour: '--plot-5', always: false },
] as const;

function LastHour({ card }: { card: SourceOverview }) {
  const { hour, minutes, deadlineSeconds, source } = card;
  const shown = COUNTED.filter(({ name, always }) => always || hour[name] > 0);
  const counted = shown.map(({ name }) => `${count(hour[name])} ${name}`).join(', ');
  const at = minutes.map((minute) => Date.parse(minute.at) / 1_000);
  const outcomes: Line[] = shown.map(({ name, colour }, index) => {
    return { name, colour, fill: index === 0, values: minutes.map((minute) => minute[name]) };
  });
  const times: Line[] = [
    { name: 'p99', colour: '--plot-1', values: minutes.map(({ p99 }) => p99) },
    { name: 'deadline', colour: '--plot-3', dashed: true, values: minutes.map(() => deadlineSeconds) },
  ];
  return html`
    <h3>The last hour</h3>
    <p>${counted}. ${answerWords(card)}</p>
    <${Plot}
      title="Deliveries per minute"
      label=${`${source}, deliveries per minute of the last hour: ${counted}`}
      at=${at}
      lines=${outcomes}
    />
    <${Plot}
      title="Slowest answers: p99 against the deadline"
      label=${`${source}, answer times of the last hour. ${answerWords(card)}`}
      at=${at}
      lines=${times}
      seconds=${true}
    />
    <${Refusals} refusals=${hour.refusals} />
  `;
}

/** A source that is not enabled takes nothing, but may have done until a moment ago. */
function hasTraffic({ hour }: SourceOverview): boolean {
  return COUNTED.some(({ name }) => hour[name] > 0);
}

function answerWords({ hour: { p50, p99 }, deadlineSeconds }: SourceOverview): string {
  const deadline = `the provider's deadline is ${duration(deadlineSeconds)}`;
  if (p50 === null || p99 === null) return `Nothing had to be answered; ${deadline}.`;
  return `Half of the answers within ${duration(p50)}, 99 of 100 within ${duration(p99)}; ${deadline}.`;
}

function Refusals({ refusals }: { refusals: Record<string, number> }) {
  const causes = Object.entries(refusals).sort(([, a], [, b]) => b - a);
  if (causes.length === 0) return null;
  return html`<h3>Refused because of</h3>
    <ul class="causes">
      ${causes.map(([cause, times]) => html`<li><code>${cause}</code> ${plural(times, 'time')}</li>`)}
    </ul>`;
}

function TrustLine({ trust: { what, state, at, detail }, now }: { trust: Trust; now: number }) {
  return html`<li>
    <${Badge} state=${state} text=${state} /> ${what}${
      at !== null && html`, <${Moment} at=${at} text=${ago(at, now)} title=${time(at)} />`
    }
    ${detail !== '' && html`<small>${detail}</small>`}
  </li>`;
}
