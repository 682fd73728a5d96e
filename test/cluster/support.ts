/** What is sent to a Hookline on several Redis servers, and what its handlers did. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Owner } from '../support/owner.js';
import { openLedger, type Ledger } from '../support/ledger.js';
import { temporaryFolder } from '../support/store.js';

export interface Handled {
  id: string;
  topic: string;
  data: { key?: string; n?: number };
}

export interface Handlers {
  folder: string;
  ledger: Ledger<Handled>;
}

/**
 * A handler of each kind: one for all, one that keeps an order, one with limits and versions, one that fails.
 * @param kinds those that are wanted; without them all
 */
export async function openHandlers(owner: Owner, kinds?: string[]): Promise<Handlers> {
  const ledger = await openLedger<Handled>(owner);
  const folder = await temporaryFolder(owner);
  const modules: Record<string, string> = {
    any: `topic: '*', handle: note`,
    ordered: `topic: 'ordered', serialBy: ({ payload }) => payload.data.key, handle: note`,
    limited: `topic: 'limited', concurrency: 1, rateLimit: { max: 100, per: '1s' },
      latestBy: ({ payload: { data } }) => ({ key: data.key, version: data.n }), handle: note`,
    step: `topic: 'step', attempts: 3, backoff: { type: 'fixed', delay: 10 },
      async handle(event, ctx) {
        await ctx.step('once', () => { note({ ...event, topic: 'in the step' }); return 1; });
        if (ctx.attempt === 1) throw new Error('after the step');
        note(event);
      }`,
    broken: `topic: 'broken',
      handle(event, { attempt }) {
        note(event);
        if (!globalThis.mended) throw Object.assign(new Error('not mended'), { name: 'PermanentError' });
      }`,
  };
  const opening = `import { appendFileSync } from 'node:fs';
    const note = ({ id, topic, payload: { data } }) =>
      appendFileSync(${JSON.stringify(ledger.file)}, JSON.stringify({ id, topic, data }) + '\\n');`;
  const wanted = Object.entries(modules).filter(([name]) => kinds?.includes(name) ?? true);
  for (const [name, code] of wanted)
    await writeFile(
      path.join(folder, `${name}.mjs`),
      `${opening} export default { source: 'petstore', ${code} };`,
    );
  return { folder, ledger };
}

/** How often each of these ids was handled. */
export function timesHandled(ledger: Ledger<Handled>, ids: string[]): number[] {
  const done = ledger.read().filter(({ topic }) => topic !== 'in the step');
  return ids.map((id) => done.filter((entry) => entry.id === id).length);
}
