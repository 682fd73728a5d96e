/** What handlers, sources and embedders import from `hookline`. */
export { defineHandler, PermanentError, RetryLater } from './lib/handler.js';
export type { HandlerContext, HandlerDefinition } from './lib/handler.js';
export type { BackoffDefinition, RateLimit, Versioned } from './lib/define-handler.js';
export type { Duration } from './lib/duration.js';
export type { StepRun } from './lib/handler-context.js';
export type { TraceHeaders } from './lib/tracing/trace-context.js';
export type { Delivery, Replay, WebhookEvent } from './lib/event.js';
// With a star, so that `declare module 'hookline'` can add to the interfaces.
export type * from './lib/payloads/petstore.js';
export type * from './lib/payloads/registry.js';
export { defineSource } from './lib/source.js';
export type { Source, SourceDefinition, Identity, RawDelivery, Verdict } from './lib/source.js';
export type { Log } from './lib/log.js';
