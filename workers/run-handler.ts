import type { HandlerContext } from '../lib/handler-context.js';
import { HandlerTimeoutError, isPermanent, toError, toUnrecoverable } from './outcomes.js';
import type { End, Stop } from './stop.js';
import { TimeLimit, type AttemptTime } from './time-limit.js';
import type { Understood } from './understand.js';

/**
 * Runs one attempt. It ends when the handler ends, at the handler's time limit, or at the `stop`; in the
 * last two cases the handler's `ctx.signal` is aborted with the same error and what it does afterwards is
 * ignored.
 * @param makeContext the handler's context around its time, whose signal is made when it is first asked for: it is dear,
 *   and most handlers never do
 * @throws {UnrecoverableError} where no retry can help, else what the handler threw, as an Error
 */
export async function runHandler(
  { registered: { handler }, event }: Understood,
  makeContext: (time: AttemptTime) => HandlerContext,
  stop: Stop,
): Promise<unknown> {
  const over = new AbortController();
  let end: End = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = (reason) => {
      reject(reason);
      abort(over, reason);
    };
  });
  const onLimit = () =>
    end(new HandlerTimeoutError(`the handler did not end within its time limit of ${handler.timeout} ms`));
  stop.add(end);
  const time = new TimeLimit(handler.timeout, over, onLimit);
  try {
    const running = (async () => handler.handle(event, makeContext(time)))();
    return await Promise.race([running, ended]);
  } catch (thrown) {
    const error = toError(thrown);
    throw isPermanent(error) ? toUnrecoverable(error) : error;
  } finally {
    time.end();
    stop.remove(end);
  }
}

/** What a handler has done to its signal, frozen it say, must keep neither its attempt nor another one from ending. */
function abort(controller: AbortController, reason: Error): void {
  try {
    controller.abort(reason);
  } catch {
    // It is ended all the same; only nobody can tell it.
  }
}
