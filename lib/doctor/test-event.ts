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

/** A body with which doctor tries Basic credentials. It is refused like any other that is no SNS message. */
export const CREDENTIALS_PROBE = '{"Type":"HooklineDoctor"}';

const probe = Buffer.from(CREDENTIALS_PROBE);

export function isCredentialsProbe(body: Buffer): boolean {
  return body.equals(probe);
}

/** What becomes of it where the credentials were right. */
export const PROBE_REFUSED = {
  ok: false,
  status: 403,
  cause: 'doctor',
  detail: 'hookline doctor tries the Basic credentials: they are right.',
  expected: true,
} as const;
