/** What a page says while it loads, when it cannot, and of states: always in words, colour only adds. */
import { useState } from 'preact/hooks';
import { html, type Child } from './html.js';
import type { Loaded } from './load.js';
import { stateWords } from './words.js';

/** What was loaded; until then, or instead of it, a sentence. What was there before an error stays. */
export function Shown<T>(props: { what: string; loaded: Loaded<T>; children: (data: T) => Child }) {
  const { data, error, reload } = props.loaded;
  return html`
    ${error && html`<${Problem} title=${`${props.what} could not be loaded.`} error=${error} retry=${reload} />`}
    ${
      data === undefined
        ? !error && html`<p class="loading" role="status">Loading ${props.what.toLowerCase()} …</p>`
        : props.children(data)
    }
  `;
}

export function Problem(props: { title: string; error: Error; retry?: (() => void) | undefined }) {
  return html`<div class="problem" role="alert">
    <p><strong>${props.title}</strong> ${props.error.message}</p>
    ${props.retry && html`<button type="button" onClick=${props.retry}>Try again</button>`}
  </div>`;
}

const TONES: Record<string, string> = {
  completed: 'good',
  ok: 'good',
  failed: 'bad',
  quarantined: 'bad',
  'dead-letter': 'bad',
  delayed: 'warn',
  pending: 'warn',
};

export function Badge(props: { state: string; text?: string }) {
  return html`<span class=${`badge ${TONES[props.state] ?? 'calm'}`}
    >${props.text ?? stateWords(props.state)}</span
  >`;
}

/** A moment, said short, with the whole of it on hover and for machines. */
export function Moment(props: { at: string; text: string; title?: string }) {
  return html`<time datetime=${props.at} title=${props.title ?? props.at}>${props.text}</time>`;
}

/** Characters of an error that are shown at first. */
const SHORT = 500;

/** What an error says: of a long one the beginning, so that what comes after it is in sight. */
export function LongText({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  if (whole || text.length <= SHORT) return html`${text}`;
  return html`${text.slice(0, SHORT)} …${' '}
    <button type="button" onClick=${() => setWhole(true)}>Show all ${text.length} characters</button>`;
}
