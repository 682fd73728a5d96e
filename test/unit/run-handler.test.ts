/** A handler that does to its signal what it should not. The rest of `runHandler` is tested where handlers run. */
import t from 'tap';
import type { HandlerContext } from '../../lib/handler-context.js';
import { HandlerTimeoutError, ShutdownError } from '../../workers/outcomes.js';
import { runHandler } from '../../workers/run-handler.js';
import { Stop } from '../../workers/stop.js';
import type { Understood } from '../../workers/understand.js';

const never = () => new Promise<void>(() => {});
const freezes = ({ signal }: HandlerContext) => {
  Object.freeze(signal);
  return never();
};

function run(handle: (context: HandlerContext) => Promise<void>, stop: Stop, timeout = 60_000) {
  const handler = { timeout, handle: (_event: unknown, context: HandlerContext) => handle(context) };
  const understood = { registered: { handler }, event: {} } as unknown as Understood;
  return runHandler(understood, ({ signal }) => ({ signal }) as HandlerContext, stop);
}

void t.test('a signal that was frozen keeps no attempt from ending at its time limit', async (t) => {
  await t.rejects(run(freezes, new Stop(new AbortController().signal), 20), HandlerTimeoutError);
});

void t.test('nor at the stop, neither its own nor another one', async (t) => {
  const controller = new AbortController();
  const stop = new Stop(controller.signal);
  const ends = [freezes, never, never].map((handle) => t.rejects(run(handle, stop), ShutdownError));
  controller.abort(new ShutdownError());
  await Promise.all(ends);
});
