/**
 * Petstore: HMAC-SHA256 of the exact body, hex, in `X-Petstore-Signature: sha256=…` (the provider's webhook
 * guide; its reference names the header `X-Webhook-Signature`). The secret is used as it stands. It sends again
 * after 1 min, 5 min, 30 min and 1 h, then disables the endpoint; an answer is due within 5 s.
 */
import { testHandler } from '../lib/doctor/test-event.js';
import { diagnoseHmac } from '../lib/hmac-diagnosis.js';
import { Budget } from '../lib/budget.js';
import { isSigned, readSignatures } from '../lib/signature.js';
import { list } from '../lib/settings/units.js';
import { defineSource, type Identity, type RawDelivery, type Refused } from '../lib/source.js';

const NAME = 'petstore';
const HEADERS = ['x-petstore-signature', 'x-webhook-signature'] as const;
const MIN_SECRET = 8;
/** Bad signatures that are looked into: so many at once, then one in every interval (milliseconds). */
const DIAGNOSES = { burst: 10, intervalMs: 2_000 };

const MISSING = `There is no ${HEADERS.join(' or ')} header: this is not from Petstore, or a proxy in between drops the header.`;
const NOT_EXAMINED =
  'Signed with another secret, or the body was changed on the way. Not looked into: too many bad signatures of late.';

/** The provider's reference spells two event types in another way than its guide. */
const TOPIC_ALIASES = {
  'pet.statusChanged': 'pet.status_changed',
  'order.statusChanged': 'order.status_changed',
};

function refuse(cause: string, detail: string): Refused<never> {
  return { ok: false, status: 401, cause, detail };
}

/** A number is an id only while it is exact: two that JSON rounds to the same value must not be taken for one. */
function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** Nothing but ASCII, whatever it was read as. */
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\0-\x7f]*$/;

/**
 * Read as Latin-1: with a single character that is not ASCII in it, UTF-8 takes ten times as long. JSON has the same structure in
 * both, and what is ASCII is the same text. Where a name is not, the body is read again.
 */
function identify({ body }: RawDelivery): Identity {
  const names = identifyIn(body.toString('latin1'));
  const { id = '', topic = '', triggeredAt = '' } = names;
  return ASCII.test(id) && ASCII.test(topic) && ASCII.test(triggeredAt)
    ? names
    : identifyIn(body.toString('utf8'));
}

function identifyIn(json: string): Identity {
  let event: unknown;
  try {
    event = JSON.parse(json);
  } catch {
    return { id: undefined, topic: undefined, quarantine: 'not-json' };
  }
  const { id, eventId, eventType, timestamp } = (event ?? {}) as Record<string, unknown>;
  return {
    id: idOf(id) ?? idOf(eventId),
    topic: typeof eventType === 'string' ? eventType : undefined,
    triggeredAt: typeof timestamp === 'string' ? timestamp : undefined,
  };
}

export default defineSource({
  name: NAME,
  settings: {
    /** Several, comma-separated, while a secret is rotated. */
    PETSTORE_WEBHOOK_SECRET: list()
      .refine(
        (secrets) => secrets.length > 0 && secrets.every((secret) => secret.length >= MIN_SECRET),
        `expected one or more secrets of at least ${MIN_SECRET} characters, comma-separated`,
      )
      .optional(),
  },
  answerWithin: 5,
  topicAliases: TOPIC_ALIASES,
  handlers: () => [testHandler(NAME)],
  enabled: ({ PETSTORE_WEBHOOK_SECRET }) => PETSTORE_WEBHOOK_SECRET !== undefined,
  create({ PETSTORE_WEBHOOK_SECRET: secrets = [] }) {
    const diagnoses = new Budget(DIAGNOSES.burst, DIAGNOSES.intervalMs);
    let proven = false;
    return {
      update({ PETSTORE_WEBHOOK_SECRET: others = [] }) {
        // What the old ones have proven says nothing of the new.
        if (others.join() !== secrets.join()) proven = false;
        secrets = others;
      },
      authenticate({ body, headers }) {
        const given = HEADERS.map((name) => headers[name]).filter((value) => value !== undefined);
        if (given.length === 0) return refuse('missing-signature', MISSING);
        const signatures = readSignatures(given.join(','));
        if (signatures.length === 0) {
          return refuse('malformed-signature', 'The signature header is not sha256=<64 hex digits>.');
        }
        if (isSigned(body, signatures, secrets)) {
          proven = true;
          return { ok: true, proof: undefined };
        }
        if (!diagnoses.take(Date.now())) return refuse('bad-signature', NOT_EXAMINED);
        const { cause, detail } = diagnoseHmac(body, signatures, secrets, proven);
        return refuse(cause, detail);
      },
      identify,
    };
  },
});
