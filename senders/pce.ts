import { randomUUID, type KeyObject } from 'node:crypto';
import { generateRsaKey, spoil } from './keys.js';
import type { RequestOptions, Sample, Sender, SignedRequest, Tamper } from './sender.js';
import { startSnsServer, type SnsServer } from './sns-server.js';
import { signSnsMessage, type SnsMessage, type SnsSignatureVersion, type SnsType } from './sns.js';

export interface PceSample extends Sample {
  /** Default `Notification`. */
  type?: SnsType;
  subject?: string;
  /** `Message`: text as it stands, anything else as JSON. The two confirmations write their own. */
  data: unknown;
}

export interface PceSenderOptions {
  topicArn?: string;
  /** The credentials that PCE was given for the endpoint. */
  basic?: { user: string; password: string };
  /** Port of the certificate server; any free one by default. */
  port?: number;
  /** Where key and certificate are kept from one start to the next; by default they are new each time. */
  stateFile?: string;
}

export interface PceRequestOptions extends RequestOptions {
  /** Default `1`, as with SNS. */
  signatureVersion?: SnsSignatureVersion;
  /**
   * Where `basic` is set SNS sends each message twice: first without credentials (`false`), then with them
   * (the default). With the same `id` and `triggeredAt` both are the same message, byte for byte.
   */
  authenticated?: boolean;
  /** Takes the place of the sender's topic. */
  topicArn?: string;
}

export interface PceSender
  extends Sender<PceSample, PceRequestOptions>, Pick<SnsServer, 'origin' | 'confirmations' | 'requests'> {
  topicArn: string;
  /** Was it given credentials, so that it sends every message twice? */
  hasCredentials: boolean;
}

/** Acts as PCE, whose webhooks are Amazon SNS deliveries; certificate and confirmations are served on loopback. */
export async function startPceSender(options: PceSenderOptions = {}): Promise<PceSender> {
  const { topicArn = 'arn:aws:sns:us-east-1:123456789012:pce-events', basic, port, stateFile } = options;
  const subscriptionArn = `${topicArn}:${randomUUID()}`;
  const server = await startSnsServer({ port, subscriptionArn, stateFile });

  let stranger: Promise<{ privateKey: KeyObject }> | undefined;
  const signingKey = async (tamper: Tamper | undefined): Promise<KeyObject> => {
    if (tamper !== 'token') return server.privateKey;
    stranger ??= generateRsaKey();
    return (await stranger).privateKey;
  };

  return {
    source: 'pce',
    environment: {
      PCE_TOPIC_ARNS: topicArn,
      PCE_TRUSTED_ORIGINS: server.origin,
      ...(basic && { PCE_BASIC_USER: basic.user, PCE_BASIC_PASSWORD: basic.password }),
    },
    topicArn,
    hasCredentials: basic !== undefined,
    origin: server.origin,
    confirmations: server.confirmations,
    requests: server.requests,
    async request(sample, options = {}): Promise<SignedRequest> {
      const message = compose(sample, { topicArn, ...options }, server, subscriptionArn);
      const body = signed(message, await signingKey(options.tamper), options.tamper);
      return {
        path: '/webhooks/pce',
        method: 'POST',
        headers: {
          ...snsHeaders(message, subscriptionArn),
          ...(basic && options.authenticated !== false && { Authorization: basicHeader(basic) }),
        },
        body: Buffer.from(JSON.stringify(body, null, 2)),
        id: message.MessageId,
        topic: sample.topic,
      };
    },
    close: () => server.close(),
  };
}

/** A message without its signature. */
function compose(
  { type = 'Notification', subject, data: sampleData }: PceSample,
  { topicArn, id = randomUUID(), data = sampleData, ...options }: PceRequestOptions & { topicArn: string },
  server: SnsServer,
  subscriptionArn: string,
): SnsMessage {
  const common = {
    Type: type,
    MessageId: id,
    TopicArn: topicArn,
    Timestamp: options.triggeredAt ?? new Date().toISOString(),
    SignatureVersion: options.signatureVersion ?? '1',
    Signature: '',
    SigningCertURL: server.certificateUrl,
  };
  if (type === 'Notification') {
    return {
      ...common,
      ...(subject !== undefined && { Subject: subject }),
      Message: typeof data === 'string' ? data : JSON.stringify(data),
      UnsubscribeURL: actionUrl(server, { Action: 'Unsubscribe', SubscriptionArn: subscriptionArn }),
    };
  }
  const token = server.issueToken(topicArn, id);
  return {
    ...common,
    Token: token,
    Message: handshakeText(type, topicArn),
    SubscribeURL: actionUrl(server, { Action: 'ConfirmSubscription', TopicArn: topicArn, Token: token }),
  };
}

function signed(message: SnsMessage, key: KeyObject, tamper: Tamper | undefined): SnsMessage {
  const signature = signSnsMessage(message, key);
  const sent = tamper === 'signature' ? spoil(signature) : signature;
  const text = tamper === 'body' ? `${message.Message} ` : message.Message;
  return { ...message, Message: text, Signature: sent.toString('base64') };
}

/** Amazon SNS Developer Guide, "HTTP/HTTPS headers". None of them is signed. */
function snsHeaders(
  { Type, MessageId, TopicArn }: SnsMessage,
  subscriptionArn: string,
): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=UTF-8',
    'User-Agent': 'Amazon Simple Notification Service Agent',
    'x-amz-sns-message-type': Type,
    'x-amz-sns-message-id': MessageId,
    'x-amz-sns-topic-arn': TopicArn,
    // There is no subscription yet while it is to be confirmed.
    ...(Type !== 'SubscriptionConfirmation' && { 'x-amz-sns-subscription-arn': subscriptionArn }),
  };
}

function actionUrl({ origin }: SnsServer, query: Record<string, string>): string {
  return `${origin}/?${new URLSearchParams(query).toString()}`;
}

function handshakeText(type: SnsType, topicArn: string): string {
  return type === 'SubscriptionConfirmation'
    ? `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
    : `You have chosen to deactivate a subscription to the topic ${topicArn}.\nTo cancel this and restore the subscription, visit the SubscribeURL included in this message.`;
}

/** RFC 7617. */
function basicHeader({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
