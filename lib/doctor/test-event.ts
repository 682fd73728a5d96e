import { handlerSchema, type Handler } from '../handler.js';

/** The topic of doctor's own test deliveries. */
export const TEST_TOPIC = 'hookline.doctor';

/** Takes doctor's test deliveries, so that they go all the way and leave nothing behind. */
export function testHandler(source: string): Handler {
  return handlerSchema.parse({
    source,
    topic: TEST_TOPIC,
    attempts: 1,
    handle: (_event: unknown, { log }: { log: { debug(fields: object, message: string): void } }) =>
      log.debug({}, 'a test delivery of hookline doctor has arrived'),
  });
}
