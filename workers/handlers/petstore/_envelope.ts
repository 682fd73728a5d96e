/**
 * JSON Schemas of Petstore's events, from the samples of its webhook guide. The provider's own reference spells
 * some names in another way (`eventId`, amounts as strings, the order nested); both are taken, and members that
 * are not named here are let through, so that the provider can add to its events. The types are in `lib/payloads/petstore.ts`.
 */
type JsonSchema = Record<string, unknown>;

export const text: JsonSchema = { type: 'string' };
/** `125.5` or `"125.50"`. */
export const amount: JsonSchema = { type: ['number', 'string'] };

export function object(properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema {
  return { type: 'object', properties, required };
}

export const pet = object({ id: text, name: text, species: text, status: text });
export const order = object({
  id: text,
  petId: text,
  userId: text,
  status: text,
  totalAmount: amount,
  currency: text,
});
export const payment = object({ id: text, amount, currency: text, status: text });

/** The envelope around `data`. */
export function envelope(data: Record<string, JsonSchema>): JsonSchema {
  return object({ id: text, eventId: text, eventType: text, timestamp: text, data: object(data) }, [
    'eventType',
    'data',
  ]);
}
