/** Signatures, keys and certificates made by the `openssl` program: nothing here shares code with what is tested. */
import { execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from './store.js';

/** Runs `openssl`; answers what it prints. @throws when it fails */
export function openssl(args: string[], input: string | Buffer = ''): Buffer {
  return execFileSync('openssl', args, { input, timeout: 30_000, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** HMAC-SHA256 in hex. The key goes in as hex, so that any bytes can be in it. */
export function hmac(secret: string, body: string | Buffer): string {
  const key = `hexkey:${Buffer.from(secret).toString('hex')}`;
  return openssl(['dgst', '-sha256', '-mac', 'HMAC', '-macopt', key, '-binary'], body).toString('hex');
}

export interface RsaKey {
  /** Path of the private key, PEM. */
  file: string;
  publicPem: string;
  /** Modulus and exponent, as in a JWK. */
  n: string;
  e: string;
}

/** A new RSA key by `openssl genrsa`. */
export async function makeRsaKey(t: Test, bits = 2_048): Promise<RsaKey> {
  const file = path.join(await temporaryFolder(t), 'key.pem');
  openssl(['genrsa', '-out', file, String(bits)]);
  const modulus = /Modulus=([0-9A-F]+)/.exec(
    String(openssl(['rsa', '-in', file, '-noout', '-modulus'])),
  )?.[1];
  const publicPem = String(openssl(['rsa', '-in', file, '-pubout']));
  return { file, publicPem, n: Buffer.from(modulus ?? '', 'hex').toString('base64url'), e: 'AQAB' };
}

/** An RSA signature (PKCS #1 v1.5). */
export function rsaSign(key: RsaKey, text: string, digest: 'sha1' | 'sha256' | 'sha512' = 'sha256'): Buffer {
  return openssl(['dgst', `-${digest}`, '-sign', key.file], text);
}

/** A compact JWS (RFC 7515); `sign` answers the signature's bytes. */
export function makeToken(header: object, claims: object, sign: (input: string) => Buffer): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(input).toString('base64url')}`;
}

/** A self-signed certificate for an existing key, by `openssl req -x509`. */
export function makeCertificate(key: RsaKey, name = 'sns.amazonaws.com'): string {
  return String(openssl(['req', '-x509', '-key', key.file, '-subj', `/CN=${name}`, '-days', '30']));
}

/** Fields of an SNS message before it is signed. */
export type SnsFields = Record<string, string>;

const NOTIFICATION = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const CONFIRMATION = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** Signs as the guide has it: `Key\nValue\n` for each signed key in byte order, SHA1 or SHA256 by version. */
export function signSns(
  key: RsaKey,
  certificateUrl: string,
  fields: SnsFields,
  version: '1' | '2' = '1',
): SnsFields {
  const keys = fields['Type'] === 'Notification' ? NOTIFICATION : CONFIRMATION;
  const text = keys.map((name) => (name in fields ? `${name}\n${fields[name]}\n` : '')).join('');
  const signature = rsaSign(key, text, version === '1' ? 'sha1' : 'sha256').toString('base64');
  return { ...fields, SignatureVersion: version, Signature: signature, SigningCertURL: certificateUrl };
}

export interface TinyServer {
  origin: string;
  /** Path and query of every request so far. */
  requests: string[];
  /** What each path answers, 200 as it stands; a path without an answer is 404. Change it at will. */
  answers: Record<string, string>;
  /** Sent with every answer. */
  headers: Record<string, string>;
}

/** A server on loopback that ends with the test. */
export async function startTinyServer(t: Test): Promise<TinyServer> {
  const requests: string[] = [];
  const answers: Record<string, string> = {};
  const headers: Record<string, string> = {};
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? '';
    requests.push(url);
    const answer = answers[url.split('?')[0] ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, headers).end(answer);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, requests, answers, headers };
}
