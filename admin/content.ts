/** What a delivery says: its payload and headers, which are asked for once, as they do not change. */
import { api, type Content as Said } from './api.js';
import { html } from './html.js';
import { useLoaded } from './load.js';
import { Shown } from './status.js';
import { Tree } from './tree.js';

export function Content({ source, id }: { source: string; id: string }) {
  const loaded = useLoaded(
    `content ${source}/${id}`,
    (signal) => api.content(source, id, signal),
    () => undefined,
  );
  return html`<${Shown} what="What it says" loaded=${loaded}>
    ${({ payload, headers, note }: Said) => html`
      <section aria-labelledby="payload">
        <h2 id="payload">Payload</h2>
        ${
          note === null
            ? html`<div class="tree"><${Tree} name="payload" value=${payload} open=${true} /></div>`
            : html`<p class="muted">${note}</p>`
        }
      </section>
      <section aria-labelledby="headers">
        <h2 id="headers">Headers</h2>
        <p class="muted">Without credentials, which are never kept.</p>
        <${Headers} headers=${headers ?? {}} />
      </section>
    `}
  <//>`;
}

function Headers({ headers }: { headers: Record<string, string> }) {
  const names = Object.entries(headers);
  if (names.length === 0) return html`<p>None are kept.</p>`;
  return html`<dl class="facts mono">
    ${names.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
