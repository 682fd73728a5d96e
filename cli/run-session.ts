import { runSession, type Ending } from '../lib/deliveries/bulk.js';
import { readSession, type Session } from '../lib/deliveries/sessions.js';
import type { SessionReport } from '../lib/deliveries/schema.js';
import type { DeliveryStore } from '../lib/deliveries/store.js';
import { CommandError } from './command.js';
import { stopSignal } from './operator.js';
import { ProgressBar } from './progress.js';
import { count } from './text.js';

/** Says how a session ended. */
export type Report = (session: SessionReport, ending: Ending) => void;

/** Runs a session on the terminal: progress on standard error, the result on standard output. */
export async function run(store: DeliveryStore, session: Session, report: Report): Promise<void> {
  const stop = stopSignal();
  const bar = new ProgressBar(process.stderr, session.total, { before: session.done + session.skipped });
  process.stderr.write(`Session ${session.id}, by ${session.by}. Ctrl-C stops it.\n`);
  try {
    const ending = await runSession(store, session, {
      signal: stop.signal,
      onProgress: (progress) => bar.update(progress),
    });
    bar.end();
    report(await readSession(store, session.id), ending);
    process.exitCode = ending === 'done' ? 0 : stop.exitCode() || 1;
  } catch (error) {
    bar.end();
    const { message } = error as Error;
    throw new CommandError(
      `It broke off (${message}). Go on with: hookline ${session.action} --resume ${session.id}`,
    );
  } finally {
    stop.release();
  }
}

export function report(words: { action: string; done: string }, { json }: { json?: boolean }): Report {
  return (session, ending) => {
    if (json) {
      console.log(JSON.stringify(session, null, 2));
      return;
    }
    const skipped = session.skipped > 0 ? `, ${count(session.skipped, 'skipped', 'skipped')}` : '';
    console.log(`${count(session.done, 'delivery', 'deliveries')} ${words.done}${skipped}.`);
    if (ending === 'stopped')
      console.log(`Stopped. Go on with: hookline ${words.action} --resume ${session.id}`);
    if (ending === 'taken') console.log('Somebody else goes on with it.');
  };
}
