/** The frame of every page: header, search, the page that the address names, and where the focus goes. */
import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Deliveries } from './deliveries.js';
import { Delivery } from './delivery.js';
import { html } from './html.js';
import { Overview } from './overview.js';
import { parse, useAddress, type Route } from './router.js';
import { SearchBox } from './search-box.js';
import { settings } from './settings.js';

function App() {
  const href = useAddress();
  const route = parse(new URL(href));
  const first = useRef(true);

  // A new page is announced, and the keyboard goes on from its heading: as a new document would have it.
  useEffect(() => {
    document.title = `${titleOf(route)} · Hookline`;
    if (!first.current) document.querySelector('h1')?.focus();
    first.current = false;
  }, [href]);

  return html`
    <a class="skip" href="#main">To the content</a>
    <header>
      <a class="brand" href="/admin">Hookline</a>
      <nav aria-label="Pages">
        <${NavLink} href="/admin" text="Overview" current=${route.page === 'overview'} />
        <${NavLink} href="/admin/deliveries" text="Deliveries" current=${route.page === 'deliveries'} />
        <a href="/admin/queues">Queues</a>
      </nav>
      <${SearchBox} />
    </header>
    ${settings.readOnly && html`<p class="notice">Read-only: ADMIN_READONLY is set, so nothing can be changed here.</p>`}
    <main id="main"><${Content} route=${route} key=${route.page} /></main>
  `;
}

function NavLink(props: { href: string; text: string; current: boolean }) {
  return html`<a href=${props.href} aria-current=${props.current ? 'page' : null}>${props.text}</a>`;
}

function Content({ route }: { route: Route }) {
  if (route.page === 'overview') return html`<${Overview} />`;
  if (route.page === 'deliveries') return html`<${Deliveries} query=${route.query} />`;
  if (route.page === 'delivery') {
    return html`<${Delivery} source=${route.source} id=${route.id} key=${`${route.source}/${route.id}`} />`;
  }
  return html`<h1 tabindex="-1">Nothing is here</h1>
    <p>This address names no page. <a href="/admin">To the overview</a></p>`;
}

function titleOf(route: Route): string {
  if (route.page === 'delivery') return `${route.id} (${route.source})`;
  return { overview: 'Overview', deliveries: 'Deliveries', unknown: 'Nothing is here' }[route.page];
}

render(html`<${App} />`, document.body);
