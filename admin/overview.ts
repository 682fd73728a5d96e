/** Is everything all right? One card per source, and the spool. */
import { api, type Overview as State } from './api.js';
import { html } from './html.js';
import { useLoaded } from './load.js';
import { SourceCard } from './source-card.js';
import { Moment, Shown } from './status.js';
import { bytes, duration, plural, time } from './words.js';

/** Milliseconds between two looks. */
const REFRESH = 10_000;

export function Overview() {
  const loaded = useLoaded('overview', api.overview, () => REFRESH);
  return html`
    <h1 tabindex="-1">Overview</h1>
    <${Shown} what="The overview" loaded=${loaded}>
      ${(state: State) => html`
        <p class="lead">
          ${spoolWords(state.spool)} As of <${Moment} at=${state.at} text=${time(state.at)} />, looked at
          again every ${duration(REFRESH / 1_000)}.
        </p>
        <div class="cards">
          ${state.sources.map((source) => html`<${SourceCard} source=${source} now=${Date.parse(state.at)} key=${source.source} />`)}
        </div>
        ${state.sources.length === 0 && html`<p>No source is known, so that nothing can be delivered.</p>`}
      `}
    <//>
  `;
}

function spoolWords(spool: State['spool']): string {
  if (spool === null) return 'There is no spool: while Redis is away, deliveries are answered 503.';
  if (spool.events === 0) return 'The spool is empty: everything accepted is in Redis.';
  const { events, bytes: size, oldestSeconds } = spool;
  return `The spool holds ${plural(events, 'delivery', 'deliveries')} (${bytes(size)}), the oldest for ${duration(oldestSeconds)}.`;
}
