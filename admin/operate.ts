/** Replay and discard: said what it does, confirmed, and recorded by the server with who did it. */
import { useRef, useState } from 'preact/hooks';
import { api, type Action, type Delivery } from './api.js';
import { html } from './html.js';
import { settings } from './settings.js';
import { Problem } from './status.js';

const DONE = { replay: 'Replayed: it waits for a worker again.', discard: 'Discarded.' };

export function Operate({ delivery, done }: { delivery: Delivery; done: (said: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [action, setAction] = useState<Action>('replay');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const reason = whyNot(delivery);

  const askFor = (action: Action) => {
    setAction(action);
    setError(undefined);
    dialog.current?.showModal();
  };
  const confirm = async (event: SubmitEvent) => {
    event.preventDefault();
    const keepId = new FormData(event.currentTarget as HTMLFormElement).has('keepId');
    setBusy(true);
    try {
      const force = delivery.state === 'completed';
      await api.operate(action, delivery, action === 'discard' ? { force, keepId } : { force });
      done(DONE[action]);
    } catch (error) {
      setError(error as Error);
    }
    setBusy(false);
    dialog.current?.close();
  };

  const button = (action: Action, text: string) =>
    html`<button
      type="button"
      class=${action === 'replay' ? 'primary' : null}
      disabled=${reason !== null}
      aria-describedby=${reason === null ? null : 'why-not'}
      onClick=${() => askFor(action)}
    >
      ${text}
    </button>`;
  return html`<section aria-label="What can be done" class="operate">
    <p class="buttons">${button('replay', 'Replay …')} ${button('discard', 'Discard …')}</p>
    ${reason !== null && html`<p id="why-not" class="muted">${reason}</p>`}
    ${error && html`<${Problem} title="Nothing was changed." error=${error} />`}
    <dialog ref=${dialog} aria-labelledby="ask">
      <form onSubmit=${confirm}>
        <h2 id="ask">${action === 'replay' ? 'Replay' : 'Discard'} this delivery?</h2>
        <p class="id">${delivery.id}</p>
        <p>${consequences(action, delivery)}</p>
        ${
          action === 'discard' &&
          html`<p>
            <label
              ><input type="checkbox" name="keepId" /> Keep its id, so that it is not taken again when the
              provider sends it again</label
            >
          </p>`
        }
        <p class="buttons">
          <button type="submit" class="primary" disabled=${busy}>
            ${action === 'replay' ? 'Replay it' : 'Discard it'}
          </button>
          <button type="button" autofocus onClick=${() => dialog.current?.close()}>Cancel</button>
        </p>
      </form>
    </dialog>
  </section>`;
}

/** Why nothing can be done, in words; `null` when it can. */
function whyNot({ state, trimmed }: Delivery): string | null {
  if (settings.readOnly) return 'Nothing can be changed here: ADMIN_READONLY is set.';
  if (trimmed) return 'Its content is gone, so there is nothing to replay or discard.';
  if (state === 'completed' || state === 'failed') return null;
  return 'It has not ended: once it was handled or has failed, it can be replayed or discarded.';
}

function consequences(action: Action, { state, replayCount }: Delivery): string {
  if (action === 'discard')
    return 'It is removed for good, with its payload and its history. That is recorded with your name.';
  const again =
    replayCount > 0 ? ` It was replayed ${replayCount === 1 ? 'once' : `${replayCount} times`} before.` : '';
  return state === 'completed'
    ? `It was handled with success: its handler will do all of it once more.${again} That is recorded with your name.`
    : `It goes to its handler again, with a full set of attempts.${again} That is recorded with your name.`;
}
