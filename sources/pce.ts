import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Credentials } from '../lib/credentials.js';
import { isCredentialsProbe, PROBE_REFUSED } from '../lib/doctor/test-event.js';
import { list } from '../lib/settings/units.js';
import { readOrigin } from '../lib/sns/certificate-url.js';
import { Certificates } from '../lib/sns/certificates.js';
import { snsHandlers } from '../lib/sns/handlers.js';
import { parseMessage, type SnsMessage } from '../lib/sns/message.js';
import { SnsVerifier } from '../lib/sns/signature.js';
import { statusOfTopics, toTrust } from '../lib/sns/topic-status.js';
import {
  defineSource,
  type Identity,
  type RawDelivery,
  type Refused,
  type Source,
  type SourceDeps,
  type Verdict,
} from '../lib/source.js';

const NAME = 'pce';
const CHALLENGE = 'Basic realm="hookline"';
/** Bytes. A genuine SubscriptionConfirmation has about 2,000. */
const MAX_HANDSHAKE = 64 * 1024;
/** Where the JSON of `Message` names its topic, the first that does. */
const TOPIC_MEMBERS = ['eventType', 'event', 'type'];

const settings = {
  PCE_TOPIC_ARNS: list()
    .refine(
      (arns) => arns.every((arn) => /^arn:[!-~]+$/.test(arn)),
      'expected topic ARNs such as arn:aws:sns:us-east-1:123456789012:events, separated by commas',
    )
    .optional(),
  PCE_BASIC_USER: z
    .string()
    .refine(
      (user) => !user.includes(':'),
      'expected a name without a colon, which Basic authentication cannot carry',
    )
    .optional(),
  PCE_BASIC_PASSWORD: z.string().optional(),
  PCE_TRUSTED_ORIGINS: list()
    .transform((texts, context) => {
      const origins = texts.map(readOrigin).filter((origin) => origin !== undefined);
      if (origins.length < texts.length) {
        context.addIssue(
          'expected origins such as https://sns.example.com or http://127.0.0.1:4000, without a path, separated by commas',
        );
      }
      return origins;
    })
    .optional(),
};

type Settings = z.output<z.ZodObject<typeof settings>>;

interface Proof {
  message: SnsMessage;
  /** The unauthenticated first leg of the handshake, which is answered 401 and confirmed all the same. */
  firstLeg: boolean;
}

/** PCE: JSON events inside AWS SNS messages. Verification: docs/decisions/0003-sns-verification.md. */
export default defineSource<typeof settings, Proof>({
  name: NAME,
  settings,
  check: ({ PCE_BASIC_USER, PCE_BASIC_PASSWORD }) => {
    if ((PCE_BASIC_USER === undefined) === (PCE_BASIC_PASSWORD === undefined)) return [];
    const missing = PCE_BASIC_USER === undefined ? 'PCE_BASIC_USER' : 'PCE_BASIC_PASSWORD';
    return [[missing, 'expected PCE_BASIC_USER and PCE_BASIC_PASSWORD to be set together']];
  },
  enabled: ({ PCE_TOPIC_ARNS }) => (PCE_TOPIC_ARNS ?? []).length > 0,
  create: createSource,
  answerWithin: 15,
  standing: async ({ PCE_TOPIC_ARNS = [] }, queue, prefix) =>
    (await statusOfTopics(queue, prefix, PCE_TOPIC_ARNS)).map(toTrust),
  payload: readPayload,
  handlers: ({ PCE_TRUSTED_ORIGINS }, deps) => snsHandlers(NAME, new Set(PCE_TRUSTED_ORIGINS), deps?.notes),
});

function createSource(given: Settings, { onFetch }: SourceDeps): Source<Proof, Settings> {
  const certificates = new Certificates({
    trustedOrigins: new Set(given.PCE_TRUSTED_ORIGINS),
    ...(onFetch && { onFetch }),
  });
  const verifier = new SnsVerifier({ topicArns: given.PCE_TOPIC_ARNS ?? [], certificates });
  let checkCredentials = credentialsCheck(given);

  async function verifyBody({ body, suspect }: RawDelivery): Promise<Verdict<Proof>> {
    const parsed = parseMessage(body);
    if (!parsed.ok) return { ...parsed, status: 403 };
    const verdict = await verifier.verify(parsed.message, { mayFetch: !suspect });
    return verdict.ok
      ? { ok: true, proof: { message: parsed.message, firstLeg: false } }
      : { ...verdict, status: 403 };
  }

  return {
    update(others) {
      checkCredentials = credentialsCheck(others);
    },
    async authenticate(delivery) {
      const { body, headers, suspect } = delivery;
      const refusal = checkCredentials(headers.authorization);
      // Only whoever has the credentials comes here with a probe: it is no sign of anything wrong.
      if (!refusal && given.PCE_BASIC_USER !== undefined && isCredentialsProbe(body)) return PROBE_REFUSED;
      if (!refusal) return verifyBody(delivery);
      if (!mayBeHandshake(body)) return refusal;
      const parsed = parseMessage(body);
      if (!parsed.ok || parsed.message.Type !== 'SubscriptionConfirmation') return refusal;
      const verdict = await verifier.verify(parsed.message, { mayFetch: !suspect });
      return verdict.ok
        ? { ...refusal, queueAnyway: { proof: { message: parsed.message, firstLeg: true } } }
        : { ...refusal, expected: false };
    },
    identify: (_delivery: RawDelivery, { message, firstLeg }: Proof): Identity => ({
      id: firstLeg
        ? `${message.MessageId || digest(JSON.stringify(message)).toString('hex')}.handshake`
        : (message.MessageId ?? undefined),
      topic: topicOf(message),
      triggeredAt: message.Timestamp,
    }),
  };
}

/**
 * Checks the Authorization header where Basic is configured; answers the refusal, or `undefined` when all is well.
 * User and password may have several lines, while they are rotated.
 */
function credentialsCheck({ PCE_BASIC_USER, PCE_BASIC_PASSWORD }: Settings) {
  if (PCE_BASIC_USER === undefined && PCE_BASIC_PASSWORD === undefined) return () => undefined;
  // Only one of the two stops the start; should it come here, it must not mean that nothing is asked for.
  const users = linesOf(PCE_BASIC_USER);
  const passwords = linesOf(PCE_BASIC_PASSWORD);
  const credentials = new Credentials(users, passwords);
  const withoutBlanks = new Credentials(users.map(trim), passwords.map(trim));
  return (authorization: string | undefined): Refused<Proof> | undefined => {
    if (credentials.check(authorization).ok) return undefined;
    const [cause, detail] =
      authorization === undefined
        ? [
            'credentials-missing',
            'No Basic credentials: SNS asks without them first and repeats the request with those of the endpoint it was given.',
          ]
        : [
            'credentials-wrong',
            withoutBlanks.check(trimmed(authorization)).ok
              ? 'The Basic credentials are right but for white space around them: compare PCE_BASIC_USER and PCE_BASIC_PASSWORD with the endpoint given to PCE.'
              : 'The Basic credentials are not PCE_BASIC_USER and PCE_BASIC_PASSWORD: compare the endpoint given to PCE.',
          ];
    const begins = authorization === undefined;
    return { ok: false, status: 401, cause, detail, expected: begins, challenge: CHALLENGE };
  };
}

/** The header with credentials without white space around name and password: for the log only. */
function trimmed(authorization: string): string {
  const encoded = /^basic +(\S+) *$/i.exec(authorization)?.[1] ?? '';
  const [user = '', ...password] = Buffer.from(encoded, 'base64').toString().split(':');
  const credentials = `${user.trim()}:${password.join(':').trim()}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function trim(text: string): string {
  return text.trim();
}

function linesOf(text = ''): string[] {
  return text.split(/\r?\n/);
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

/** Spares the parsing of what was sent without credentials and cannot be a SubscriptionConfirmation. */
function mayBeHandshake(body: Buffer): boolean {
  return body.length <= MAX_HANDSHAKE && body.includes('"SubscriptionConfirmation"');
}

function topicOf(message: SnsMessage): string | undefined {
  if (message.Type !== 'Notification') return message.Type;
  const content = parseContent(message.Message);
  if (typeof content === 'object' && content !== null) {
    for (const name of TOPIC_MEMBERS) {
      const value: unknown = Reflect.get(content, name);
      if (typeof value === 'string' && value !== '') return value;
    }
  }
  return message.Subject || message.TopicArn.slice(message.TopicArn.lastIndexOf(':') + 1);
}

/** The JSON inside `Message`, or its text when it is none. */
function parseContent(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A notification's content; for the two confirmations the message itself. */
function readPayload(rawBody: string): unknown {
  const parsed = parseMessage(Buffer.from(rawBody));
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.message.Type === 'Notification' ? parseContent(parsed.message.Message) : parsed.message;
}
