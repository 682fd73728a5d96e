/** Handler modules as users mount them, and what they tell of their runs. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { until } from '../support/deliveries.js';
import { temporaryFolder } from '../support/store.js';

/** Milliseconds: a killed worker's locks run out first, then its jobs are found. */
const HANDLED_LIMIT = 90_000;

/** A folder of handler modules that goes with the test; keys are paths inside it. */
export async function handlersFolder(t: Test, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return folder;
}

/**
 * The text of a handler that writes a line to `_runs.log` beside it for each run: the webhook id, the topic and
 * the attempt. A line this short is written in one piece, whichever process writes it.
 */
export function recorder({ topic = '*', milliseconds = 0 } = {}): string {
  return `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    export default {
      source: 'petstore',
      topic: '${topic}',
      async handle({ id, topic }, { attempt }) {
        if (${milliseconds} > 0) await sleep(${milliseconds});
        appendFileSync(new URL('_runs.log', import.meta.url), id + ' ' + topic + ' ' + attempt + '\\n');
      },
    };`;
}

/**
 * The text of a handler that writes `began <id> <attempt>` to `_runs.log`, waits for the file `_go` beside it,
 * and writes `ended <id> <attempt>`. It ignores its signal.
 */
export const PATIENT = `
  import { appendFileSync, existsSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const say = (line) => appendFileSync(new URL('_runs.log', import.meta.url), line + '\\n');
  export default {
    source: 'petstore',
    topic: '*',
    timeout: 3_600_000,
    async handle({ id }, { attempt }) {
      say('began ' + id + ' ' + attempt);
      while (!existsSync(new URL('_go', import.meta.url))) await sleep(20);
      say('ended ' + id + ' ' + attempt);
    },
  };`;

/** Lets the patient handlers of a folder end. */
export async function release(folder: string): Promise<void> {
  await writeFile(path.join(folder, '_go'), '');
}

/** Makes the patient handlers of a folder wait again. */
export async function hold(folder: string): Promise<void> {
  await rm(path.join(folder, '_go'), { force: true });
}

/** The lines that the handlers of a folder wrote. */
export async function readRuns(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, '_runs.log'), 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

/** How often `recorder` handled each id. */
export async function countRuns(folder: string): Promise<Map<string, number>> {
  return countBy((await readRuns(folder)).map((line) => line.split(' ')[0] ?? ''));
}

/**
 * Waits until `recorder` has handled so many ids, those of killed workers included, or as long as that may take
 * at most. Answers how often each was handled.
 */
export async function untilHandled(folder: string, count: number): Promise<Map<string, number>> {
  // Whoever asked finds out which are missing.
  await until('', async () => (await countRuns(folder)).size >= count, HANDLED_LIMIT).catch(() => {});
  return countRuns(folder);
}

export function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
