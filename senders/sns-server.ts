import {
  createHash,
  createPrivateKey,
  randomBytes,
  randomUUID,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { selfSignedCertificate } from './certificate.js';
import { generateRsaKey } from './keys.js';
import { notFound, startLocalServer, type LocalAnswer } from './local-server.js';
import { keptState } from './state.js';

/** A subscription that the receiver confirmed by a GET of its `SubscribeURL`. */
export interface Confirmation {
  topicArn: string;
  token: string;
}

/** The part of SNS that receivers ask: the signing certificate, and the confirmation of subscriptions. */
export interface SnsServer {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  certificateUrl: string;
  /** Belongs to the certificate. */
  privateKey: KeyObject;
  /** In the order in which they came; one that comes twice is in here twice. */
  confirmations: Confirmation[];
  /** How often the certificate was fetched. */
  requests: { certificate: number };
  /** A token with which this topic can be confirmed: for the same message always the same one. */
  issueToken(topicArn: string, messageId: string): string;
  close(): Promise<void>;
}

/** What a message is signed with, and the certificate that proves it. */
interface Identity {
  privateKey: KeyObject;
  /** PEM. */
  certificate: string;
  certificatePath: string;
}

/**
 * Starts the server on loopback.
 * @param options.stateFile where key and certificate are kept from one start to the next; by default they are new.
 */
export async function startSnsServer(options: {
  port?: number | undefined;
  subscriptionArn: string;
  stateFile?: string | undefined;
}): Promise<SnsServer> {
  const identity = await keptState(options.stateFile, readIdentity, newIdentity, identityToJson);
  const { privateKey, certificate, certificatePath } = identity;
  const confirmations: Confirmation[] = [];
  const requests = { certificate: 0 };
  const topicOfToken = new Map<string, string>();

  const confirm = (query: URLSearchParams): LocalAnswer => {
    const [topicArn, token] = [query.get('TopicArn') ?? '', query.get('Token') ?? ''];
    if (topicOfToken.get(token) !== topicArn) return xml(400, refused());
    confirmations.push({ topicArn, token });
    return xml(200, confirmed(options.subscriptionArn));
  };
  const server = await startLocalServer(({ pathname, searchParams }) => {
    if (pathname === certificatePath) {
      requests.certificate++;
      return { status: 200, type: 'application/x-pem-file', body: certificate };
    }
    if (pathname === '/' && searchParams.get('Action') === 'ConfirmSubscription')
      return confirm(searchParams);
    return notFound;
  }, options.port);

  return {
    origin: server.origin,
    certificateUrl: server.origin + certificatePath,
    privateKey,
    confirmations,
    requests,
    issueToken(topicArn, messageId) {
      const token = createHash('sha512')
        .update(`${certificatePath}\n${topicArn}\n${messageId}`)
        .digest('hex');
      topicOfToken.set(token, topicArn);
      return token;
    },
    close: () => server.close(),
  };
}

async function newIdentity(): Promise<Identity> {
  const key = await generateRsaKey();
  return {
    privateKey: key.privateKey,
    certificate: selfSignedCertificate('sns.amazonaws.com', key),
    certificatePath: `/SimpleNotificationService-${randomBytes(16).toString('hex')}.pem`,
  };
}

function identityToJson({ privateKey, ...rest }: Identity): object {
  return { ...rest, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

/** `undefined` too where the certificate has less than a day left. */
function readIdentity(json: Record<string, unknown>): Identity | undefined {
  const { privateKey, certificate, certificatePath } = json;
  if (
    typeof privateKey !== 'string' ||
    typeof certificate !== 'string' ||
    typeof certificatePath !== 'string'
  )
    return undefined;
  try {
    const left = Date.parse(new X509Certificate(certificate).validTo) - Date.now();
    return left > 86_400_000
      ? { privateKey: createPrivateKey(privateKey), certificate, certificatePath }
      : undefined;
  } catch {
    return undefined;
  }
}

const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';

function xml(status: number, body: string): LocalAnswer {
  return { status, type: 'text/xml', body };
}

/** Amazon SNS API Reference, ConfirmSubscription. */
function confirmed(subscriptionArn: string): string {
  return `<ConfirmSubscriptionResponse xmlns="${NAMESPACE}">
  <ConfirmSubscriptionResult>
    <SubscriptionArn>${subscriptionArn}</SubscriptionArn>
  </ConfirmSubscriptionResult>
  <ResponseMetadata>
    <RequestId>${randomUUID()}</RequestId>
  </ResponseMetadata>
</ConfirmSubscriptionResponse>
`;
}

function refused(): string {
  return `<ErrorResponse xmlns="${NAMESPACE}">
  <Error>
    <Type>Sender</Type>
    <Code>InvalidParameter</Code>
    <Message>Invalid parameter: Token</Message>
  </Error>
  <RequestId>${randomUUID()}</RequestId>
</ErrorResponse>
`;
}
