import type { RedisConnection } from '../queue/connection.js';
import type { DeliveryQueue } from '../queue/delivery-queue.js';
import type { PetstoreApi } from '../petstore-api/client.js';
import type { Endpoint } from '../petstore-api/endpoint.js';
import type { Settings } from '../settings/settings.js';
import type { SourceDefinition } from '../source.js';

/** Finds the handler of an event; answers nothing where there is none. */
export type HasHandler = (source: string, topic: string) => boolean;

/** What the checks look at. */
export interface DoctorContext {
  settings: Settings;
  definitions: SourceDefinition[];
  /** `undefined`: neither REDIS_URL nor a running embedded store. */
  redisUrl: string | undefined;
  /** Only where Redis was reached. */
  redis: RedisConnection | undefined;
  /** The queue of a source; only where Redis was reached. */
  queue(source: string): DeliveryQueue;
  /** The receiver as this machine reaches it: `http://127.0.0.1:3000`. */
  receiverUrl: string;
  /** The receiver as providers reach it, if it is known. */
  publicUrl: string | undefined;
  /** The handlers, or why they cannot be used. */
  handlers(): Promise<{ has: HasHandler; count: (source: string) => number }>;
  petstore: PetstoreApi | undefined;
  /** Petstore's endpoint with the public URL, once it was found. */
  petstoreEndpoint: Endpoint | undefined;
  /** Have Petstore send a sample event, which handlers will take for a real one. */
  providerTest: boolean;
  /** Milliseconds that a worker has for the test delivery. */
  handledWithin: number;
  /** Bytes that must be free. */
  minFree: number;
}

export function isEnabled({ definitions, settings }: DoctorContext, source: string): boolean {
  const definition = definitions.find(({ name }) => name === source);
  return definition?.enabled(settings.sources[source] ?? {}) === true;
}

/** A source's own setting, as its schema has it. */
export function setting({ settings }: DoctorContext, source: string, name: string): unknown {
  return settings.sources[source]?.[name];
}
