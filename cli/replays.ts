import { describeFilter } from '../lib/deliveries/operations.js';
import type { SessionReport } from '../lib/deliveries/schema.js';
import { listSessions, readSession, stopSession } from '../lib/deliveries/sessions.js';
import { loadContext, withStore, type AddCommand } from './command.js';
import { table } from './text.js';

const LIMIT = 50;

export const addReplays: AddCommand = (program) => {
  program
    .command('replays')
    .description('the replays and discards of the last 90 days: who, when, what, how far')
    .argument('[session]', 'only this one')
    .option('--stop', 'stop this one, wherever it runs')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  hookline replays
  hookline replays 20260131-080000-3f9a --stop
  hookline replay --resume 20260131-080000-3f9a`,
    )
    .action(async (id: string | undefined, { stop, json }: { stop?: boolean; json?: boolean }) => {
      const sessions = await withStore(await loadContext(), async (store) => {
        if (id === undefined) return listSessions(store, LIMIT);
        return [await (stop ? stopSession(store, id) : readSession(store, id))];
      });
      if (json) console.log(JSON.stringify(sessions, null, 2));
      else console.log(sessions.length > 0 ? sessionsTable(sessions) : 'There are none.');
    });
};

function sessionsTable(sessions: SessionReport[]): string {
  return table(
    ['SESSION', 'ACTION', 'STATUS', 'DONE', 'OF', 'SKIPPED', 'BY', 'STARTED', 'LAST STEP', 'FILTER'],
    sessions.map((session) => [
      session.id,
      session.action,
      session.interrupted ? 'interrupted' : session.status,
      session.done,
      session.total ?? 'many',
      session.skipped,
      session.by,
      session.startedAt,
      session.updatedAt,
      describeFilter(session.filter),
    ]),
  );
}
