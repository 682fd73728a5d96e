import { z } from 'zod';
import type { Versioned } from './define-handler.js';
import { durationOption } from './duration.js';
import type { WebhookEvent } from './event.js';
import type { HandlerContext } from './handler-context.js';

export { defineHandler, type HandlerDefinition } from './define-handler.js';
export type { HandlerContext } from './handler-context.js';
export { HandlersError, PermanentError, RetryLater } from './handler-errors.js';

const DAY = 86_400_000;
const DEFAULT_ATTEMPTS = 8;

const jitter = z.number().min(0).max(1);

const backoffSchema = z.preprocess(
  (given) =>
    typeof given === 'object' && given && !('type' in given) ? { type: 'exponential', ...given } : given,
  z.discriminatedUnion('type', [
    z.strictObject({
      type: z.enum(['exponential', 'fixed']),
      delay: durationOption({ min: 0 }).prefault(1_000),
      jitter: jitter.default(0.5),
      maxDelay: durationOption({ min: 1 }).prefault('1h'),
    }),
    z.strictObject({
      type: z.literal('schedule'),
      delays: z
        .array(durationOption({ min: 0 }))
        .min(1)
        .max(1_000),
      jitter: jitter.default(0),
    }),
  ]),
);

const rateLimitSchema = z.strictObject({
  max: z.number().int().min(1).max(10_000),
  per: durationOption({ min: 1, max: DAY }),
});

function functionOption<Call>(name: string) {
  return z.custom<Call>((value) => typeof value === 'function', `${name} must be a function`);
}

/** A handler module's default export, checked when the folder is read. `HandlerDefinition` says what each means. */
export const handlerSchema = z
  .strictObject({
    source: z.string().min(1),
    topic: z.string().min(1),
    subTopic: z.string().min(1).optional(),
    tenantId: z.string().min(1).optional(),
    schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).optional(),
    attempts: z.number().int().min(1).max(1_000).optional(),
    backoff: backoffSchema.prefault({}),
    timeout: durationOption({ min: 1, max: DAY }).prefault('30s'),
    serialBy: functionOption<(event: WebhookEvent) => unknown>('serialBy').optional(),
    onDead: z.enum(['release', 'hold']).optional(),
    latestBy: functionOption<(event: WebhookEvent) => Versioned | null | undefined>('latestBy').optional(),
    rememberVersions: durationOption({ min: 1_000 }).optional(),
    concurrency: z.number().int().min(1).max(10_000).optional(),
    rateLimit: rateLimitSchema.optional(),
    handle: functionOption<(event: WebhookEvent, ctx: HandlerContext) => unknown>('handle'),
  })
  .refine(({ onDead, serialBy }) => !onDead || serialBy, {
    path: ['onDead'],
    message: 'it says what a dead event does to its serialBy key, and there is no serialBy',
  })
  .refine(({ rememberVersions, latestBy }) => !rememberVersions || latestBy, {
    path: ['rememberVersions'],
    message: 'it says how long versions of latestBy are remembered, and there is no latestBy',
  })
  .transform(({ attempts, ...handler }) => ({
    ...handler,
    attempts:
      attempts ??
      (handler.backoff.type === 'schedule' ? handler.backoff.delays.length + 1 : DEFAULT_ATTEMPTS),
  }));

/** A checked handler, its defaults filled in and its durations in milliseconds. */
export type Handler = z.output<typeof handlerSchema>;
export type Backoff = Handler['backoff'];
