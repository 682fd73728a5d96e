/** The providers of a fuzzing run: signers that share no code with what is tested, and the record of what they signed. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { startPceSender } from '../../senders/pce.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { signSnsMessage, type SnsMessage } from '../../senders/sns.js';
import { startSnsServer } from '../../senders/sns-server.js';
import type { Owner } from '../support/owner.js';
import { text, whole, type Headers } from './hostile.js';

export const SECRET = 'the-secret-of-the-fuzzer';
const ARN = 'arn:aws:sns:us-east-1:123456789012:pce-events';
const TOKENS = 40;
const MESSAGES = 200;

export interface World {
  /** Of a receiver that trusts these signers. */
  environment: Record<string, string>;
  /** Tokens that are good for the whole run. */
  tokens: string[];
  /** Well signed, with claims that are not good. */
  wrongTokens: string[];
  messages: SnsMessage[];
  /** Well signed, but of another topic, or by a stranger. */
  wrongMessages: SnsMessage[];
  /** Signs a notification of the right topic. */
  signMessage(message: Partial<SnsMessage>): SnsMessage;
  /** `sha256=…` of Petstore. */
  signBody(body: Buffer): string;
  /** Was this signed by one of the signers, as it stands? Whatever is answered 200 must have been. */
  isGenuine(source: string, headers: Headers, body: Buffer): boolean;
}

export async function createWorld(owner: Owner, seed: number): Promise<World> {
  const [pitchpoint, sns, stranger] = await Promise.all([
    startPitchpointSender({ maxAge: 86_400 }),
    startSnsServer({ subscriptionArn: `${ARN}:fuzz` }),
    startPceSender(),
  ]);
  owner.teardown(() => Promise.all([pitchpoint.close(), sns.close(), stranger.close()]));

  const tokenOf = async (claims: Record<string, unknown>) => {
    const { headers } = await pitchpoint.request({ topic: 'x', data: {} }, { claims });
    return (headers['Authorization'] ?? '').slice('Bearer '.length);
  };
  const now = Math.floor(Date.now() / 1_000);
  const exp = now + 86_400;
  const names = fc.sample(text, { seed, numRuns: TOKENS });
  const tokens = await Promise.all(
    names.map((jti) => tokenOf({ jti, exp, aud: [pitchpoint.audience, jti], nbf: now - 10 })),
  );
  const wrong = [
    { exp: now - 600 },
    { nbf: now + 80_000 },
    { iat: now + 80_000 },
    { exp: undefined },
    { sub: undefined },
    { iat: undefined },
    { aud: 'other' },
    { aud: undefined },
    { iss: `${pitchpoint.issuer}/` },
    { iss: 'https://issuer.example' },
    { exp: String(exp) },
    { aud: [] },
    { sub: '' },
  ];
  const wrongTokens = await Promise.all(wrong.map(tokenOf));

  const issued = new Set<string>();
  const compose = (message: Partial<SnsMessage>): SnsMessage => ({
    Type: 'Notification',
    MessageId: '00000000-0000-4000-8000-000000000000',
    TopicArn: ARN,
    Message: '{}',
    Timestamp: '2025-01-06T16:20:11.284Z',
    SignatureVersion: '1',
    SigningCertURL: sns.certificateUrl,
    ...message,
    Signature: '',
  });
  const signed = (message: Partial<SnsMessage>, key = sns.privateKey): SnsMessage => {
    const unsigned = compose(message);
    return { ...unsigned, Signature: signSnsMessage(unsigned, key).toString('base64') };
  };
  const signMessage = (message: Partial<SnsMessage>) => {
    const sent = signed(message);
    issued.add(proofOf(sent));
    return sent;
  };
  const texts = fc.sample(text, { seed, numRuns: MESSAGES });
  const messages = texts.map((Message, index) =>
    signMessage({
      Message: whole(Message),
      MessageId: `m-${index}`,
      SignatureVersion: index % 2 ? '2' : '1',
    }),
  );
  const elsewhere = await stranger.request({ topic: 'x', data: {} });
  const other = JSON.parse(elsewhere.body.toString()) as SnsMessage;
  const wrongMessages = [
    signed({ TopicArn: `${ARN}-2` }),
    signed({ TopicArn: ARN.toUpperCase() }),
    other,
    { ...other, SigningCertURL: sns.certificateUrl },
  ];

  const known = new Set(tokens);
  const signBody = (body: Buffer) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;
  return {
    environment: {
      PETSTORE_WEBHOOK_SECRET: SECRET,
      ...pitchpoint.environment,
      PCE_TOPIC_ARNS: ARN,
      PCE_TRUSTED_ORIGINS: sns.origin,
    },
    tokens,
    wrongTokens,
    messages,
    wrongMessages,
    signMessage,
    signBody,
    isGenuine(source, headers, body) {
      const values = (name: string) =>
        headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
      if (source === 'petstore') {
        const given = [...values('x-petstore-signature'), ...values('x-webhook-signature')].join(',');
        const right = signBody(body).slice(7);
        return given
          .split(',')
          .some((part) => part.trim().startsWith('sha256=') && part.trim().slice(7).toLowerCase() === right);
      }
      if (source === 'pitchpoint') {
        const given = values('authorization');
        return given.length === 1 && known.has(/^bearer +(\S+)$/i.exec(given[0]?.trim() ?? '')?.[1] ?? '');
      }
      return source === 'pce' && isIssued(body, issued);
    },
  };
}

const PROOF = [
  'Type',
  'MessageId',
  'TopicArn',
  'Message',
  'Timestamp',
  'SignatureVersion',
  'Signature',
  'SigningCertURL',
];

/** What is signed of a message of its type, and what proves it. */
function proofOf(message: object): string {
  const more = Reflect.get(message, 'Type') === 'Notification' ? ['Subject'] : ['Token', 'SubscribeURL'];
  return JSON.stringify([...PROOF, ...more].map((name) => (Reflect.get(message, name) as unknown) ?? null));
}

function isIssued(body: Buffer, issued: ReadonlySet<string>): boolean {
  try {
    return issued.has(proofOf(JSON.parse(body.toString()) as object));
  } catch {
    return false;
  }
}
