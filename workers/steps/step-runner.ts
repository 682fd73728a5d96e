import { createHash } from 'node:crypto';
import type { RedisConnection } from '../../lib/queue/connection.js';
import { PermanentError } from '../../lib/handler-errors.js';
import type { StepRun } from '../../lib/handler-context.js';
import { LuaScript } from '../../lib/queue/lua-script.js';
import { untilTaken, type Patience } from '../../lib/queue/refusal.js';
import type { AttemptTime } from '../time-limit.js';
import { whyNotJson } from './json.js';
import { KEEP_STEP } from './keep.lua.js';

/** Bytes of one step's result, as JSON. */
const MAX_RESULT = 64 * 1024;
/** Steps of one event, over all its attempts. */
const MAX_STEPS = 100;
/** Printable, and not so long that a name becomes a document. */
const NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u;

/** A step is used in a way that no retry can mend. The event fails at once; the message says what to do. */
export class StepError extends PermanentError {
  override name = 'StepError';
}

/** One step as it is kept in the job's hash, in the field `step:<name>`. No `value`: the step gave no result. */
export interface KeptStep {
  value?: unknown;
  /** ISO 8601, UTC. */
  at: string;
  /** The attempt that ran it. */
  attempt: number;
}

export interface StepRunnerOptions extends Patience {
  redis: RedisConnection;
  /** The job's hash. */
  jobKey: string;
  source: string;
  /** The webhook id. */
  id: string;
  attempt: number;
  /** No attempt of this event has begun before, so that no step can have been kept. */
  fresh: boolean;
  /** Of the attempt. What Redis takes is not counted, or its handler would fail for as long as Redis is away. */
  time: AttemptTime;
}

const keepStep = new LuaScript(KEEP_STEP);

/** `ctx.step` of one attempt. */
export class StepRunner {
  readonly #options: StepRunnerOptions;
  readonly #names = new Set<string>();

  constructor(options: StepRunnerOptions) {
    this.#options = options;
  }

  /**
   * The kept result of a step, or that of `run`, which is then kept. What a step ended after the attempt's time
   * limit is kept too: its effect has happened. A new one is not begun then.
   * @throws {StepError}
   */
  async step<T>(name: string, run: (step: StepRun) => T | Promise<T>): Promise<T> {
    this.#checkName(name);
    const { time, log } = this.#options;
    const { signal } = time;
    signal.throwIfAborted();
    const kept = this.#options.fresh ? undefined : await time.uncounted(this.#read(name));
    if (kept !== undefined) {
      log.debug({ step: name }, 'step done before');
      return (JSON.parse(kept) as KeptStep).value as T;
    }
    signal.throwIfAborted();
    const value = await run({ idempotencyKey: this.#idempotencyKey(name), signal });
    return (await time.uncounted(this.#keep(name, value))) as T;
  }

  #checkName(name: string): void {
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new StepError(`A step's name has 1 to 100 printable characters; given: ${JSON.stringify(name)}.`);
    }
    if (this.#names.has(name)) {
      throw new StepError(
        `Two steps of one run are named ${name}, so that one would get the other's result. Name each differently, ` +
          'such as by the item it is for.',
      );
    }
    this.#names.add(name);
    if (this.#names.size > MAX_STEPS) throw tooMany();
  }

  async #read(name: string): Promise<string | undefined> {
    const { redis, jobKey } = this.#options;
    const read = untilTaken(() => redis.hmget(jobKey, `step:${name}`, 'stepCount'), this.#options);
    const [kept, count] = await read();
    // Before the step runs, since what it does could not be kept.
    if (!kept && Number(count ?? 0) >= MAX_STEPS) throw tooMany();
    return kept ?? undefined;
  }

  async #keep(name: string, value: unknown): Promise<unknown> {
    const { redis, jobKey, attempt, log } = this.#options;
    const json = serialise(name, { value, at: new Date().toISOString(), attempt });
    const keep = untilTaken(() => keepStep.run(redis, [jobKey], [`step:${name}`, json]), this.#options);
    const [outcome, other] = (await keep()) as [string, string?];
    if (outcome === 'gone') log.warn({ step: name }, 'the event was removed meanwhile; the step is not kept');
    // Read back, so that a first run gets the very result that later ones get.
    return (JSON.parse(outcome === 'other' && other ? other : json) as KeptStep).value;
  }

  #idempotencyKey(name: string): string {
    const { source, id } = this.#options;
    return createHash('sha256')
      .update(JSON.stringify([source, id, name]))
      .digest('base64url');
  }
}

function serialise(name: string, step: KeptStep): string {
  const fault = whyNotJson(step.value);
  if (fault) {
    throw new StepError(
      `The result of step ${name} cannot be kept as JSON: ${fault}. What the step did is done. Return only what ` +
        'later steps need, as text, numbers, booleans, null, arrays and plain objects (an id, an ISO date).',
    );
  }
  const json = JSON.stringify(step);
  const size = Buffer.byteLength(json);
  if (size > MAX_RESULT) {
    throw new StepError(
      `The result of step ${name} is too large to keep: ${size} bytes of JSON, where ${MAX_RESULT} are allowed. What ` +
        'the step did is done. Return only what later steps need, such as an id.',
    );
  }
  return json;
}

function tooMany(): StepError {
  return new StepError(
    `The event has more than ${MAX_STEPS} steps. Put what belongs together into one step, and give steps the same ` +
      'names in every attempt.',
  );
}
