/** What became of one delivery, what was in it, and what can be done. */
import { useState } from 'preact/hooks';
import { api, ApiError, type Delivery as State } from './api.js';
import { Attempts } from './attempts.js';
import { Content } from './content.js';
import { html } from './html.js';
import { useLoaded } from './load.js';
import { Operate } from './operate.js';
import { deliveriesPath, nameOf } from './router.js';
import { Badge, LongText, Moment, Shown } from './status.js';
import { Timeline } from './timeline.js';
import { Tree } from './tree.js';
import { ago, time } from './words.js';

/** Milliseconds between two looks at a delivery that has not ended. */
const REFRESH = 1_500;

const hasEnded = ({ state }: State) => state === 'completed' || state === 'failed';

export function Delivery({ source, id }: { source: string; id: string }) {
  const loaded = useLoaded(
    `${source}/${id}`,
    (signal) => api.delivery(source, id, signal),
    (state) => (state && !hasEnded(state) ? REFRESH : undefined),
  );
  const [done, setDone] = useState('');
  const act = (said: string) => {
    setDone(said);
    loaded.reload();
  };
  // What was discarded is unknown from then on, which is no error.
  const gone = done !== '' && loaded.error instanceof ApiError && loaded.error.status === 404;
  return html`
    <p class="crumbs">
      <a href="/admin/deliveries">Deliveries</a> / <a href=${deliveriesPath({ source })}>${source}</a>
    </p>
    <h1 tabindex="-1" class="id">${id}</h1>
    <p role="status" class="said">${done}</p>
    ${
      gone
        ? html`<p>
            Nothing of it is left. <a href=${deliveriesPath({ source })}>To the deliveries of ${source}</a>
          </p>`
        : html`<${Shown} what="The delivery" loaded=${loaded}>
            ${(state: State) => html`<${Known} state=${state} done=${act} />`}
          <//>`
    }
  `;
}

function Known({ state, done }: { state: State; done: (said: string) => void }) {
  return html`
    <p class="state" role="status">
      <${Badge} state=${state.discarded ? 'discarded' : (state.failure ?? state.state)} />${' '}
      ${stateSentence(state)}
    </p>
    ${state.failedReason && html`<p class="reason"><strong>Why it failed:</strong> <${LongText} text=${state.failedReason} /></p>`}
    <${Operate} delivery=${state} done=${done} />
    <${Facts} state=${state} />
    ${
      !state.trimmed &&
      html`<div class="columns">
          <${Timeline} delivery=${state} />
          <div>
            <${Attempts} delivery=${state} />
            <${Steps} steps=${state.steps} />
          </div>
        </div>
        <${Content} source=${state.source} id=${nameOf(state)} />
        ${state.stack && html`<${Stack} stack=${state.stack} />`}`
    }
  `;
}

function stateSentence(state: State): string {
  if (state.discarded) return 'An operator discarded it and kept its id, so that it is not taken again.';
  if (state.trimmed) return 'It was handled; only its id is still remembered.';
  if (state.failure === 'quarantined') return 'It could not be understood. Mend the cause, then replay it.';
  if (state.failure === 'dead-letter') return 'It was given up. Mend the cause, then replay it.';
  if (state.state === 'completed') return 'Its handler took it with success.';
  if (state.state === 'delayed')
    return 'An attempt failed, or it has to wait; it will be tried again by itself.';
  return state.state === 'active' ? 'A worker has it in hand.' : 'It waits for a worker.';
}

function Facts({ state }: { state: State }) {
  const at = (iso: string | null) =>
    iso && html`<${Moment} at=${iso} text=${`${time(iso)} (${ago(iso)})`} />`;
  const facts: Array<[string, unknown]> = [
    ['Topic', state.topic],
    ['Sub-topic', state.subTopic],
    ['Tenant', state.tenantId],
    ['Triggered', at(state.triggeredAt)],
    ['Received', at(state.receivedAt)],
    ['Handler', state.handler],
    ['Job', state.jobId],
  ];
  return html`<section aria-label="Facts">
    <dl class="facts">
      ${facts
        .filter(([, value]) => value)
        .map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
    </dl>
  </section>`;
}

function Steps({ steps }: { steps: State['steps'] }) {
  if (steps.length === 0) return null;
  return html`<section aria-labelledby="steps">
    <h2 id="steps">Steps that are done</h2>
    <ul class="steps">
      ${steps.map(({ name, value }) => html`<li><${Tree} name=${name} value=${value} open=${false} /></li>`)}
    </ul>
  </section>`;
}

function Stack({ stack }: { stack: string }) {
  return html`<section aria-labelledby="stack">
    <h2 id="stack">Last stack</h2>
    <details>
      <summary>Where the last error came from</summary>
      <pre tabindex="0">${stack}</pre>
    </details>
  </section>`;
}
