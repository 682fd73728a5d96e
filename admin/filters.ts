/** Which deliveries are listed: the form writes the address, and is filled in from it. */
import { useState } from 'preact/hooks';
import { STATES } from './api.js';
import { html } from './html.js';
import { deliveriesPath, navigate } from './router.js';
import { settings } from './settings.js';
import { stateWords } from './words.js';

export const FILTERS = ['source', 'state', 'topic', 'tenant', 'id', 'reason', 'since', 'until'] as const;

const ALL_STATES = [...STATES, 'quarantined', 'dead-letter'];

/** A phone has no room for it until it is wanted. */
const isWide = () => matchMedia('(width >= 40rem)').matches;

export function Filters({ query }: { query: URLSearchParams }) {
  const [open, setOpen] = useState(isWide);
  const applied = FILTERS.filter((name) => query.get(name)).length;
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = FILTERS.map((name) => {
      const value = form.get(name);
      return [name, typeof value === 'string' ? value.trim() : ''] as const;
    });
    navigate(deliveriesPath(Object.fromEntries(given)));
  };
  const value = (name: string) => query.get(name) ?? '';
  // A new address fills the fields anew.
  return html`<details
    class="filter-box"
    open=${open}
    onToggle=${(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}
  >
    <summary>Filters${applied > 0 && ` (${applied} applied)`}</summary>
    <form class="filters" aria-label="Filters" onSubmit=${apply} key=${query.toString()}>
      <${Choice}
        name="source"
        label="Source"
        value=${value('source')}
        options=${settings.sources.map((name) => [name, name])}
      />
      <${Choice}
        name="state"
        label="State"
        value=${value('state')}
        options=${ALL_STATES.map((state) => [state, stateWords(state)])}
      />
      <${Field} name="topic" label="Topic" hint="* for any" value=${value('topic')} />
      <${Field} name="tenant" label="Tenant" value=${value('tenant')} />
      <${Field} name="id" label="Id" value=${value('id')} />
      <${Field} name="reason" label="Failed because" hint="a part of it" value=${value('reason')} />
      <${Field} name="since" label="Since" hint="2h, 3d, or a time" value=${value('since')} />
      <${Field} name="until" label="Until" hint="30m, or a time" value=${value('until')} />
      <p class="buttons">
        <button type="submit" class="primary">Show</button>
        <a class="button" href="/admin/deliveries">Show all</a>
      </p>
    </form>
  </details>`;
}

interface FieldProps {
  name: string;
  label: string;
  hint?: string;
  value: string;
}

function Field({ name, label, hint, value }: FieldProps) {
  const id = `filter-${name}`;
  return html`<p>
    <label for=${id}>${label}${hint && html` <small>(${hint})</small>`}</label>
    <input id=${id} name=${name} defaultValue=${value} autocomplete="off" spellcheck="false" />
  </p>`;
}

function Choice({ name, label, value, options }: FieldProps & { options: Array<[string, string]> }) {
  const id = `filter-${name}`;
  return html`<p>
    <label for=${id}>${label}</label>
    <select id=${id} name=${name}>
      <option value="">any</option>
      ${options.map(([one, words]) => html`<option value=${one} selected=${one === value}>${words}</option>`)}
    </select>
  </p>`;
}
