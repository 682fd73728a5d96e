import { sign, type KeyObject } from 'node:crypto';

export type SnsType = 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';

/** `1` is RSA with SHA1, still the default of a topic; `2` is RSA with SHA256. */
export type SnsSignatureVersion = '1' | '2';

/** The body of an SNS delivery over HTTP. */
export interface SnsMessage {
  Type: SnsType;
  MessageId: string;
  Token?: string;
  TopicArn: string;
  Subject?: string;
  Message: string;
  SubscribeURL?: string;
  Timestamp: string;
  SignatureVersion: SnsSignatureVersion;
  /** Base64. */
  Signature: string;
  SigningCertURL: string;
  UnsubscribeURL?: string;
}

const CONFIRMATION_KEYS = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const;

/** Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages": byte order, absent ones left out. */
const SIGNED_KEYS = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: CONFIRMATION_KEYS,
  UnsubscribeConfirmation: CONFIRMATION_KEYS,
} as const;

const DIGEST = { '1': 'sha1', '2': 'sha256' };

/** The signature of a message, over `Key\nValue\n` for each signed key. */
export function signSnsMessage(message: SnsMessage, privateKey: KeyObject): Buffer {
  const text = SIGNED_KEYS[message.Type]
    .filter((key: keyof SnsMessage) => message[key] !== undefined)
    .map((key: keyof SnsMessage) => `${key}\n${message[key]}\n`)
    .join('');
  return sign(DIGEST[message.SignatureVersion], Buffer.from(text), privateKey);
}
