import type { HandlerContext } from '../lib/handler-context.js';
import { lazily } from '../lib/lazily.js';
import type { Log } from '../lib/log.js';
import type { TraceHeaders } from '../lib/tracing/trace-context.js';
import type { AttemptTime } from './time-limit.js';

/** What a handler's context is made of. What is dear, and what most handlers never ask for, is made when it is asked for. */
export interface ContextParts {
  attempt: number;
  maxAttempts: number;
  jobId: string;
  traceHeaders: TraceHeaders;
  log: () => Log;
  time: AttemptTime;
  steps: () => HandlerContext['step'];
}

const PARTS = Symbol('parts');

/** Own members, so that `{ ...ctx }` has them too. */
const ON_DEMAND: PropertyDescriptorMap & ThisType<AttemptContext> = {
  log: {
    enumerable: true,
    configurable: true,
    get() {
      return this[PARTS].log();
    },
  },
  signal: {
    enumerable: true,
    configurable: true,
    get() {
      return this[PARTS].time.signal;
    },
  },
};

/**
 * What one attempt's handler is given beside the event.
 *
 * No literal with getters: each has functions of its own, so that V8 makes each a shape of its own, among the old. There
 * it would keep the attempt, its event and its job until the next full collection.
 */
export class AttemptContext implements HandlerContext {
  declare readonly log: Log;
  declare readonly signal: AbortSignal;
  declare readonly [PARTS]: ContextParts;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly jobId: string;
  readonly traceHeaders: TraceHeaders;
  readonly step: HandlerContext['step'];

  constructor(parts: ContextParts) {
    const steps = lazily(parts.steps);
    this.attempt = parts.attempt;
    this.maxAttempts = parts.maxAttempts;
    this.jobId = parts.jobId;
    this.traceHeaders = { ...parts.traceHeaders };
    this.step = (name, run) => steps()(name, run);
    // Not enumerable: nobody is to find a log and a queue where a context is printed.
    Object.defineProperty(this, PARTS, { value: parts, configurable: true });
    Object.defineProperties(this, ON_DEMAND);
  }
}
