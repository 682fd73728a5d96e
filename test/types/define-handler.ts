/**
 * What `defineHandler` knows of payloads. Types only: this is compiled and never run. Each line below a
 * `@ts-expect-error` must be refused by tsc, and no other line; `markers.test.ts` sees to that.
 */
import {
  defineHandler,
  type HandlerContext,
  type HandlerDefinition,
  type PetstoreEvent,
  type PitchpointOrder,
  type WebhookEvent,
} from '../../index.js';

// The form by which TypeScript tells types apart rather than whether one is assignable to the other.
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only where both types are the same. */
declare function same<A, B>(...differ: Equal<A, B> extends true ? [] : [A, B]): void;

declare module '../../index.js' {
  interface HandlerPayloads {
    'types-test': { 'thing.made': { thingId: string } };
  }
  interface PetstorePayloads {
    'types-test.refunded': PetstoreEvent<{ refundId: number }>;
  }
}

// Built-in topics: by source and topic.
defineHandler({
  source: 'petstore',
  topic: 'pet.adopted',
  handle({ payload, id, replay }) {
    same<
      typeof payload.data.pet,
      { id?: string; name?: string; species?: string; status?: string } | undefined
    >();
    same<typeof payload.data.adoptionDate, string | undefined>();
    same<typeof id, string>();
    same<typeof replay, { count: number; at: string; by: string } | undefined>();
    // @ts-expect-error an adoption has no payment
    void payload.data.payment;
    // @ts-expect-error it may be missing
    void payload.data.pet.id;
    // @ts-expect-error a date is text
    payload.data.adoptionDate satisfies number | undefined;
  },
});
defineHandler({
  source: 'petstore',
  topic: 'order.statusChanged',
  serialBy: ({ payload }) => payload.data.orderId ?? payload.data.order?.id,
  handle({ payload }) {
    same<typeof payload.data.newStatus, string | undefined>();
    // @ts-expect-error misspelt
    void payload.data.newState;
  },
});
defineHandler({
  source: 'petstore',
  topic: 'payment.failed',
  handle({ payload }) {
    same<
      typeof payload.data.payment,
      { id?: string; amount?: number | string; currency?: string; status?: string } | undefined
    >();
    // @ts-expect-error amounts come as text too
    payload.data.payment?.amount satisfies number | undefined;
  },
});
defineHandler({
  source: 'pitchpoint',
  topic: 'orders/placed',
  handle({ payload }) {
    same<typeof payload, PitchpointOrder>();
    // @ts-expect-error what an order holds depends on its product
    payload['loanNumber'] satisfies string;
  },
});

// Topics and sources that were added.
defineHandler({
  source: 'types-test',
  topic: 'thing.made',
  handle({ payload }) {
    same<typeof payload, { thingId: string }>();
    // @ts-expect-error not what was declared
    void payload.thing;
  },
});
defineHandler({
  source: 'petstore',
  topic: 'types-test.refunded',
  handle: ({ payload }) => {
    same<typeof payload.data, { refundId: number }>();
  },
});

// Nothing is known: unknown, also of patterns.
defineHandler({
  source: 'petstore',
  topic: 'order.*',
  handle({ payload }) {
    same<typeof payload, unknown>();
    // @ts-expect-error it must be looked at first
    void payload.data;
  },
});
defineHandler({
  source: 'elsewhere',
  topic: 'pet.adopted',
  handle({ payload }) {
    same<typeof payload, unknown>();
  },
});

// The handler's own schema.
defineHandler({
  source: 'acme',
  topic: 'thing.sold',
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      price: { type: ['number', 'null'] },
      state: { enum: ['open', 'closed'] },
      lines: {
        type: 'array',
        items: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
      },
      kind: { const: 'sale' },
      either: { anyOf: [{ type: 'integer' }, { type: 'boolean' }] },
      free: {},
    },
    required: ['id', 'price', 'lines', 'unnamed'],
  },
  latestBy: ({ payload, triggeredAtMs }) => ({ key: payload.id, version: triggeredAtMs ?? 0 }),
  handle({ payload }) {
    same<typeof payload.id, string>();
    same<typeof payload.price, number | null>();
    same<typeof payload.state, 'open' | 'closed' | undefined>();
    same<typeof payload.lines, Array<{ sku: string }>>();
    same<typeof payload.kind, 'sale' | undefined>();
    same<typeof payload.either, number | boolean | undefined>();
    same<typeof payload.free, unknown>();
    same<typeof payload.unnamed, unknown>();
    // @ts-expect-error not in the schema
    void payload.title;
    // @ts-expect-error it may be null
    payload.price.toFixed(2);
    // @ts-expect-error no such state
    void (payload.state === 'sold');
    // @ts-expect-error an item is not text
    payload.lines[0] satisfies string | undefined;
  },
});
defineHandler({
  source: 'acme',
  topic: 'thing.moved',
  schema: {
    type: 'object',
    properties: { id: { type: 'string' } },
    anyOf: [{ required: ['id'] }, { required: ['oldId'] }],
  },
  handle({ payload }) {
    same<typeof payload.id, string | undefined>();
  },
});
defineHandler({
  source: 'acme',
  topic: 'thing.joined',
  schema: {
    allOf: [
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] },
    ],
  },
  handle({ payload: { a, b } }) {
    same<[typeof a, typeof b], [string, number]>();
  },
});
// Both at once: a schema adds to what is known of a built-in topic.
defineHandler({
  source: 'petstore',
  topic: 'order.created',
  schema: {
    type: 'object',
    properties: { data: { type: 'object', required: ['orderId'] } },
    required: ['data'],
  },
  handle({ payload }) {
    same<typeof payload.data.orderId, string | undefined>();
    // @ts-expect-error neither knows it
    void payload.data.customer;
  },
});
// A schema that is not written in place says nothing.
declare const schema: Record<string, unknown>;
defineHandler({
  source: 'acme',
  topic: 'thing.lost',
  schema,
  handle({ payload }) {
    same<typeof payload, unknown>();
  },
});

// By hand.
defineHandler<{ data: { orderId: string } }>({
  source: 'petstore',
  topic: 'pet.adopted',
  handle({ payload }) {
    same<typeof payload, { data: { orderId: string } }>();
    // @ts-expect-error what is given by hand counts alone
    void payload.data.pet;
  },
});
const whole: HandlerDefinition = {
  source: 'petstore',
  topic: '*',
  async handle(event: WebhookEvent, ctx: HandlerContext) {
    same<typeof event.payload, unknown>();
    await ctx.step('a', () => undefined);
  },
};
defineHandler(whole);

// Options.
defineHandler({
  source: 'acme',
  topic: 'options',
  timeout: '30s',
  attempts: 4,
  backoff: { type: 'schedule', delays: ['60s', '5m', 1_800_000, '1h'] },
  concurrency: 3,
  rateLimit: { max: 100, per: '1m' },
  serialBy: () => null,
  onDead: 'hold',
  handle() {},
});
// @ts-expect-error a handler handles
defineHandler({ source: 'acme', topic: 'options' });
// @ts-expect-error and says which topic
defineHandler({ source: 'acme', handle() {} });
// @ts-expect-error no such unit
defineHandler({ source: 'acme', topic: 'options', timeout: '5 minutes', handle() {} });
// @ts-expect-error no such option
defineHandler({ source: 'acme', topic: 'options', retries: 5, handle() {} });
// @ts-expect-error a schedule has delays
defineHandler({ source: 'acme', topic: 'options', backoff: { type: 'schedule', delay: 5 }, handle() {} });
// @ts-expect-error a rate has a time
defineHandler({ source: 'acme', topic: 'options', rateLimit: { max: 5 }, handle() {} });
// @ts-expect-error hold or release
defineHandler({ source: 'acme', topic: 'options', serialBy: () => 'a', onDead: 'skip', handle() {} });
// @ts-expect-error a key is text or a number
defineHandler({ source: 'acme', topic: 'options', serialBy: () => ({}), handle() {} });
// @ts-expect-error a version is named
defineHandler({ source: 'acme', topic: 'options', latestBy: () => ({ key: 'a' }), handle() {} });
defineHandler({
  source: 'acme',
  topic: 'options',
  // @ts-expect-error a date is no version: give its ISO text
  latestBy: () => ({ key: 'a', version: new Date() }),
  handle() {},
});

// Steps.
defineHandler({
  source: 'acme',
  topic: 'steps',
  async handle(_event, { step }) {
    const charge = await step('charge', async ({ idempotencyKey, signal }) => {
      same<[typeof idempotencyKey, typeof signal], [string, AbortSignal]>();
      return { id: 'ch_1', amount: 5 };
    });
    same<typeof charge, { id: string; amount: number }>();
    same<void, Awaited<ReturnType<typeof logNothing>>>();
    // @ts-expect-error not in the result
    void charge.currency;
    // @ts-expect-error a step has a name
    await step(async () => 1);
    // @ts-expect-error and something to do
    await step('charge');
  },
});
async function logNothing(): Promise<void> {}
