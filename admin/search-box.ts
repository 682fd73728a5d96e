/** On every page: a webhook id, Enter, and there is its delivery. */
import { useRef, useState } from 'preact/hooks';
import { findById } from './api.js';
import { html } from './html.js';
import { deliveriesPath, deliveryPath, navigate } from './router.js';
import { settings } from './settings.js';

export function SearchBox() {
  const [said, setSaid] = useState('');
  const asked = useRef<AbortController>(undefined);

  const find = async (event: SubmitEvent) => {
    event.preventDefault();
    const input = new FormData(event.currentTarget as HTMLFormElement).get('id');
    const id = typeof input === 'string' ? input.trim() : '';
    asked.current?.abort();
    if (id === '') return setSaid('Type a webhook id first.');
    const { signal } = (asked.current = new AbortController());
    setSaid('Looking …');
    try {
      const found = await findById(id, settings.sources, signal);
      const [first] = found;
      setSaid(first ? '' : 'No delivery with this id is remembered.');
      if (first) navigate(found.length === 1 ? deliveryPath(first) : deliveriesPath({ id }));
    } catch (error) {
      if (!signal.aborted) setSaid((error as Error).message);
    }
  };

  return html`<search>
    <form class="search" onSubmit=${find}>
      <label for="search">Webhook id</label>
      <input
        id="search"
        name="id"
        type="search"
        autocomplete="off"
        spellcheck="false"
        enterkeyhint="search"
      />
      <button type="submit">Find</button>
      <p class="said" role="status">${said}</p>
    </form>
  </search>`;
}
