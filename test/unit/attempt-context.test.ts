import { inspect } from 'node:util';
import t from 'tap';
import type { HandlerContext } from '../../lib/handler-context.js';
import { AttemptContext, type ContextParts } from '../../workers/attempt-context.js';

/** Parts that count what is made of them. */
function makeParts() {
  const made = { logs: 0, signals: 0, steps: 0 };
  const { signal } = new AbortController();
  const parts = {
    attempt: 2,
    maxAttempts: 5,
    jobId: 'evt_1~abc',
    traceHeaders: { traceparent: '00-1-2-01' },
    log: () => {
      made.logs += 1;
      return { secret: 'of the log' };
    },
    time: {
      get signal() {
        made.signals += 1;
        return signal;
      },
    },
    steps: () => {
      made.steps += 1;
      return async (name: string) => name;
    },
  } as unknown as ContextParts;
  return { parts, made, signal };
}

void t.test('what a handler does not ask for is not made', async (t) => {
  const { parts, made, signal } = makeParts();
  const context = new AttemptContext(parts);
  t.match(context, { attempt: 2, maxAttempts: 5, jobId: 'evt_1~abc' });
  t.same(made, { logs: 0, signals: 0, steps: 0 });

  t.equal(context.signal, signal);
  t.ok(context.log);
  t.equal(await context.step('a', () => undefined), 'a');
  await context.step('b', () => undefined);
  t.same(made, { logs: 1, signals: 1, steps: 1 });
});

void t.test('a copy has all of it, as has what is built upon it', async (t) => {
  const { parts, signal } = makeParts();
  const context: HandlerContext = new AttemptContext(parts);
  const copy = { ...context, more: true };
  t.equal(copy.signal, signal);
  t.ok(copy.log);
  t.equal(await copy.step('a', () => undefined), 'a');
  t.equal((Object.create(context) as AttemptContext).signal, signal);
  t.equal(new Proxy(context, {}).signal, signal);
  const { log } = context;
  t.ok(log);
});

void t.test('another log can be put in the place of its own', async (t) => {
  const context = new AttemptContext(makeParts().parts);
  Object.defineProperty(context, 'log', { value: 'mine' });
  t.equal(context.log, 'mine');
  const keys = new Proxy(context, { ownKeys: (target) => Object.keys(target) });
  t.ok(Reflect.ownKeys(keys).includes('signal'));
});

void t.test('a context that is printed tells nothing of what it is made of', async (t) => {
  t.notMatch(inspect(new AttemptContext(makeParts().parts), { depth: 5 }), 'of the log');
});

void t.test('what a handler does to its trace headers is its own affair', async (t) => {
  const { parts } = makeParts();
  new AttemptContext(parts).traceHeaders.traceparent = 'other';
  t.equal(parts.traceHeaders.traceparent, '00-1-2-01');
});
