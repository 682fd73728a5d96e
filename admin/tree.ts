/** A value of JSON to fold and unfold. Only what is unfolded is in the document, however large the whole is. */
import { useState } from 'preact/hooks';
import { html } from './html.js';
import { plural } from './words.js';

/** How many members are shown at once, how many levels unfold by themselves, and how much of a long text. */
const MEMBERS = 100;
const LEVELS = 8;
const TEXT = 2_000;

export function Tree(props: { name: string; value: unknown; open: boolean; level?: number }) {
  const { name, value, open, level = 1 } = props;
  const [isOpen, setOpen] = useState(open);
  const [limit, setLimit] = useState(MEMBERS);
  if (typeof value !== 'object' || value === null) {
    return html`<div class="leaf"><span class="name">${name}</span> <${Leaf} value=${value} /></div>`;
  }
  const members = Object.entries(value);
  const size = Array.isArray(value) ? plural(members.length, 'item') : plural(members.length, 'field');
  return html`<details
    open=${isOpen}
    onToggle=${(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}
  >
    <summary><span class="name">${name}</span> <span class="muted">${size}</span></summary>
    ${
      isOpen &&
      html`<div class="members">
        ${members.slice(0, limit).map(([key, member]) => html`<${Tree} key=${key} name=${key} value=${member} open=${members.length <= 12 && level < LEVELS} level=${level + 1} />`)}
        ${
          members.length > limit &&
          html`<button type="button" onClick=${() => setLimit(limit + MEMBERS)}>
            Show more (${members.length - limit} are left)
          </button>`
        }
      </div>`
    }
  </details>`;
}

function Leaf({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== 'string') return html`<span class="value plain">${String(value)}</span>`;
  if (whole || value.length <= TEXT) return html`<span class="value">${JSON.stringify(value)}</span>`;
  return html`<span class="value">${JSON.stringify(value.slice(0, TEXT))} …</span>
    <button type="button" onClick=${() => setWhole(true)}>Show all ${value.length} characters</button>`;
}
