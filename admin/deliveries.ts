/** Deliveries by filter, a page at a time: what has not ended first, then the newest. */
import { api, type Page, type Summary } from './api.js';
import { Filters, FILTERS } from './filters.js';
import { html } from './html.js';
import { useLoaded } from './load.js';
import { deliveriesPath, deliveryPath, trail } from './router.js';
import { Badge, Moment, Shown } from './status.js';
import { ago, count, plural, time } from './words.js';

const PAGE = '25';

export function Deliveries({ query }: { query: URLSearchParams }) {
  const asked = new URLSearchParams(
    [...FILTERS, 'cursor'].flatMap((name) => {
      const value = query.get(name);
      return value ? [[name, value]] : [];
    }),
  );
  const key = asked.toString();
  asked.set('limit', PAGE);
  const loaded = useLoaded(
    `deliveries?${key}`,
    (signal) => api.search(asked, signal),
    () => undefined,
  );
  return html`
    <h1 tabindex="-1">Deliveries</h1>
    <${Filters} query=${query} />
    <${Shown} what="The deliveries" loaded=${loaded}>
      ${(page: Page) => html`
        <p role="status" class="muted">${foundWords(page)}</p>
        ${page.deliveries.length > 0 && html`<${Table} deliveries=${page.deliveries} />`}
        <${Pages} query=${query} next=${page.cursor} />
      `}
    <//>
  `;
}

function foundWords({ deliveries, lookedAt, cursor }: Page): string {
  const looked = `${count(lookedAt)} looked at`;
  if (deliveries.length > 0)
    return `${plural(deliveries.length, 'delivery', 'deliveries')} on this page, ${looked}.`;
  return cursor === null
    ? 'No delivery matches these filters.'
    : `None of the first ${looked} matches; the next page goes on.`;
}

/** A table in every width: where there is no room, the style sheet makes each row a block. */
function Table({ deliveries }: { deliveries: Summary[] }) {
  const columns = ['Id', 'State', 'Source', 'Topic', 'Tenant', 'Received', 'Attempts', 'Reason'];
  return html`<table class="list" role="table">
    <caption class="hidden">
      Deliveries
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((column) => html`<th role="columnheader" scope="col">${column}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${deliveries.map((delivery) => html`<${Row} delivery=${delivery} key=${delivery.source + delivery.jobId} />`)}
    </tbody>
  </table>`;
}

function Row({ delivery }: { delivery: Summary }) {
  const { source, id, state, failure, topic, subTopic, tenantId, receivedAt, attemptsMade, failedReason } =
    delivery;
  const cells: Array<[string, unknown]> = [
    ['State', html`<${Badge} state=${failure ?? state} />`],
    ['Source', source],
    ['Topic', [topic, subTopic].filter(Boolean).join(' · ')],
    ['Tenant', tenantId],
    [
      'Received',
      receivedAt && html`<${Moment} at=${receivedAt} text=${ago(receivedAt)} title=${time(receivedAt)} />`,
    ],
    ['Attempts', String(attemptsMade)],
    ['Reason', failedReason && html`<span class="clip" title=${failedReason}>${failedReason}</span>`],
  ];
  return html`<tr role="row">
    <th role="rowheader" scope="row"><a class="id" href=${deliveryPath(delivery)}>${id}</a></th>
    ${cells.map(([name, shown]) => html`<td role="cell" data-name=${name} class=${shown ? null : 'none'}>${shown}</td>`)}
  </tr>`;
}

/** Cursors lead forward only: the way back is remembered with the address. */
function Pages({ query, next }: { query: URLSearchParams; next: string | null }) {
  const here = query.get('cursor') ?? '';
  const before = trail();
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
  const link = (text: string, cursor: string, trail: string[]) =>
    html`<a class="button" href=${deliveriesPath({ ...filters, cursor })} data-trail=${JSON.stringify(trail)}
      >${text}</a
    >`;
  if (here === '' && next === null) return null;
  return html`<nav class="pages" aria-label="Pages of the list">
    ${here !== '' && link('First page', '', [])}
    ${before.length > 0 && link('Previous page', before.at(-1) ?? '', before.slice(0, -1))}
    ${next !== null && link('Next page', next, [...before, here])}
    ${next === null && html`<span class="muted">This is the last page.</span>`}
  </nav>`;
}
