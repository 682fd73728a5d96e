import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openssl } from '../support/openssl.js';

const folder = mkdtempSync(join(tmpdir(), 'hookline-sns-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
let counter = 0;

/** A key of the `openssl` program and its certificate. */
export interface Signer {
  keyFile: string;
  pem: string;
  /** Signs with the program, not with node:crypto. */
  sign(text: string, version?: '1' | '2'): string;
}

export interface SignerOptions {
  /** openssl's `-newkey`: `rsa:2048`, `rsa:1024`, … */
  key?: string;
  name?: string;
  /** Subject alternative names, such as `DNS:sns.amazonaws.com`. */
  names?: string[];
  authority?: boolean;
}

export function makeSigner({
  key = 'rsa:2048',
  name = 'sns.test',
  names,
  authority = false,
}: SignerOptions = {}): Signer {
  const number = counter++;
  const keyFile = join(folder, `${number}.key`);
  const newKey = key.startsWith('ec')
    ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    : ['-newkey', key];
  const subject = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`,
  ];
  const extra = names ? ['-addext', `subjectAltName=${names.join(',')}`] : [];
  const certificateFile = join(folder, `${number}.pem`);
  const output = ['-keyout', keyFile, '-out', certificateFile, '-days', '30'];
  openssl(['req', '-x509', ...newKey, '-nodes', ...subject, ...extra, ...output]);
  return signerOf(keyFile, readFileSync(certificateFile, 'utf8'));
}

/** The same key under a certificate that ended a day ago. */
export function expired(signer: Signer): Signer {
  const request = openssl(['req', '-new', '-key', signer.keyFile, '-subj', '/CN=sns.test']).toString();
  const pem = openssl(['x509', '-req', '-signkey', signer.keyFile, '-days', '-1'], request).toString();
  return signerOf(signer.keyFile, pem);
}

function signerOf(keyFile: string, pem: string): Signer {
  return {
    keyFile,
    pem,
    sign: (text, version = '1') => {
      return openssl(['dgst', version === '1' ? '-sha1' : '-sha256', '-sign', keyFile], text).toString(
        'base64',
      );
    },
  };
}

export type Fields = Record<string, unknown>;

/** Written out from the provider's guide, without the code under test. */
const ORDER: Record<string, string[]> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

export function guideString(fields: Fields): string {
  const order = ORDER[String(fields.Type)] ?? [];
  return order.map((key) => (typeof fields[key] === 'string' ? `${key}\n${fields[key]}\n` : '')).join('');
}

export const TOPIC = 'arn:aws:sns:us-east-1:123456789012:pce-events';

export function notification(over: Fields = {}): Fields {
  return {
    Type: 'Notification',
    MessageId: 'da41e39f-ea4d-435a-b922-c6aae3915ebe',
    TopicArn: TOPIC,
    Subject: 'payment',
    Message: '{"eventType":"PAYMENT_SETTLED","amount":12}',
    Timestamp: '2026-04-25T21:49:25.719Z',
    UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=x',
    ...over,
  };
}

export function confirmation(over: Fields = {}): Fields {
  return {
    Type: 'SubscriptionConfirmation',
    MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
    Token: '2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92',
    TopicArn: TOPIC,
    Message:
      'You have chosen to subscribe to the topic.\nTo confirm the subscription, visit the SubscribeURL.',
    SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y',
    Timestamp: '2026-04-26T20:45:04.751Z',
    ...over,
  };
}

/** The fields signed as they stand, with what SNS adds. */
export function signed(signer: Signer, url: string, fields: Fields, version: '1' | '2' = '1'): Fields {
  const Signature = signer.sign(guideString(fields), version);
  return { ...fields, SignatureVersion: version, Signature, SigningCertURL: url };
}

export function bodyOf(fields: Fields): Buffer {
  return Buffer.from(JSON.stringify(fields));
}

export interface TestServer {
  origin: string;
  /** Paths and queries in the order in which they were asked. */
  requests: string[];
}

/** A real server on 127.0.0.1 that ends with the test file. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TestServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    // openssl blocks this process: a connection kept open could be stale when it is used again.
    response.setHeader('connection', 'close');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Serves one text under every path. */
export function serveText(text: string, status = 200): Promise<TestServer> {
  return serve((_request, response) => response.writeHead(status).end(text));
}

/** A signer and a stranger, and a server that hands out the signer's certificate under every path. */
export async function startSigning() {
  const signer = makeSigner();
  const { origin } = await serveText(signer.pem);
  return { signer, stranger: makeSigner(), origin, url: `${origin}/cert.pem` };
}
