import type { PetstorePayloads } from './petstore.js';

/** An order of Pitchpoint: an object whose members depend on the product. Give the handler a `schema` to know more. */
export interface PitchpointOrder {
  [member: string]: unknown;
}

/** Each topic and what its handler gets. Topics of your own can be added: see `HandlerPayloads`. */
export interface PitchpointPayloads {
  'orders/placed': PitchpointOrder;
  'orders/updated': PitchpointOrder;
}

/**
 * What is known of payloads by source and topic: how `defineHandler` types `event.payload`. Add to it with
 *
 *     declare module 'hookline' {
 *       interface HandlerPayloads { acme: { 'thing.made': { thingId: string } } }
 *       interface PetstorePayloads { 'order.refunded': PetstoreEvent<{ orderId: string }> }
 *     }
 */
export interface HandlerPayloads {
  petstore: PetstorePayloads;
  pitchpoint: PitchpointPayloads;
}

/** The payload of a source's topic, or `unknown` where nothing is known of it (or the topic is a pattern). */
export type KnownPayload<Source, Topic> = Source extends keyof HandlerPayloads
  ? Topic extends keyof HandlerPayloads[Source]
    ? HandlerPayloads[Source][Topic]
    : unknown
  : unknown;
