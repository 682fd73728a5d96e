import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { isModest } from '../modest-json.js';

/** Half a surrogate pair has no UTF-8: it would be signed as U+FFFD, and could be put in the place of one. */
const text = z.string().refine((value) => !/\p{Surrogate}/u.test(value), 'holds half a surrogate pair');
/** Only `Message` may have several lines; a line break elsewhere could move text from one field to another. */
const line = text.refine((value) => !value.includes('\n'), 'holds a line break');

const common = {
  Message: text,
  MessageId: line.nullish(),
  Timestamp: line,
  TopicArn: line,
  SignatureVersion: z.string().nullish(),
  Signature: z.string().nullish(),
  SigningCertURL: z.string().nullish(),
};

/**
 * The body of an SNS delivery over HTTP, reduced to what is signed and what proves it; unknown members are
 * dropped. The provider's guide: docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
 * `Subject` has no line breaks: the Publish API refuses them.
 */
export const snsMessageSchema = z
  .discriminatedUnion('Type', [
    z.object({ Type: z.literal('Notification'), Subject: line.nullish(), ...common }),
    z.object({
      Type: z.enum(['SubscriptionConfirmation', 'UnsubscribeConfirmation']),
      SubscribeURL: line,
      Token: line,
      ...common,
    }),
  ])
  .refine(hasOneReading, { path: ['Message'], message: 'ends like another signed field' });

export type SnsMessage = z.output<typeof snsMessageSchema>;

/** In byte order. A notification has no SubscribeURL and no Token, a confirmation no Subject. */
const SIGNED = [
  'Message',
  'MessageId',
  'Subject',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const;

/**
 * The text that SNS signs: `Key\nValue\n` for each signed field that is there, the last newline included. No two
 * messages of the schema have the same: see docs/decisions/0003-sns-verification.md.
 */
export function stringToSign(message: SnsMessage): string {
  const fields: Partial<Record<(typeof SIGNED)[number], string | null | undefined>> = message;
  let signed = '';
  for (const key of SIGNED) {
    const value = fields[key];
    if (typeof value === 'string') signed += `${key}\n${value}\n`;
  }
  return signed;
}

/**
 * Where MessageId is missing, the end of Message could be read as the fields that follow it in the text that is
 * signed: someone who holds a signed message could turn its fields into text that way.
 */
function hasOneReading({ Message, MessageId }: { Message: string; MessageId?: string | null | undefined }) {
  return typeof MessageId === 'string' || !/\n(?:MessageId|Subject)\n[^\n]*$/.test(Message);
}

export type ParsedMessage =
  { ok: true; message: SnsMessage } | { ok: false; cause: 'not-sns'; detail: string };

/**
 * Reads the exact bytes of a body. Of members that occur twice JSON.parse takes the last; as this one reading is
 * both what is verified and what is used, that gives nobody a choice.
 */
export function parseMessage(body: Buffer): ParsedMessage {
  if (!isUtf8(body)) return notSns('the body is not UTF-8');
  if (!isModest(body)) return notSns('the body is deeper, or of more parts, than a message of SNS can be');
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return notSns('the body is not JSON');
  }
  const parsed = snsMessageSchema.safeParse(json);
  if (parsed.success) return { ok: true, message: parsed.data };
  const [issue] = parsed.error.issues;
  return notSns(
    issue ? `${issue.path.join('.') || 'the body'}: ${issue.message}` : 'the body has another form',
  );
}

function notSns(problem: string): ParsedMessage {
  const advice =
    'If raw message delivery is on for this subscription, turn it off: raw messages are not signed.';
  return { ok: false, cause: 'not-sns', detail: `Not an SNS message: ${problem}. ${advice}` };
}
