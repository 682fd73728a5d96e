/** A real issuer on loopback. Keys and signatures are made by the `openssl` program, not by the code under test. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openssl } from '../support/openssl.js';

export interface TestKey {
  kid: string;
  /** Path of the private key, PEM. */
  file: string;
  /** The public key, SPKI, PEM. */
  publicPem: string;
  jwk: { kty: string; kid: string; n: string; e: string; [member: string]: unknown };
}

/** RSA keys made with `openssl genrsa`: kids and their bits. Call it once in a test. */
export function makeKeys<Kid extends string>(t: Test, kids: Record<Kid, number>): Record<Kid, TestKey> {
  const folder = t.testdir();
  const keys = Object.entries<number>(kids).map(([kid, bits], index): [string, TestKey] => {
    const file = join(folder, `${index}.pem`);
    openssl(['genrsa', '-out', file, String(bits)]);
    const modulus = openssl(['rsa', '-in', file, '-noout', '-modulus'])
      .toString()
      .trim()
      .replace('Modulus=', '');
    const n = Buffer.from(modulus, 'hex').toString('base64url');
    const publicPem = openssl(['rsa', '-in', file, '-pubout']).toString();
    return [kid, { kid, file, publicPem, jwk: { kty: 'RSA', kid, n, e: 'AQAB' } }];
  });
  return Object.fromEntries(keys) as Record<Kid, TestKey>;
}

export function encode(part: unknown): string {
  const bytes = Buffer.isBuffer(part)
    ? part
    : Buffer.from(typeof part === 'string' ? part : JSON.stringify(part));
  return bytes.toString('base64url');
}

/** A compact JWS. Header and claims are JSON, or text or bytes as they stand; `options` go to `openssl dgst`. */
export function signToken(key: TestKey, header: unknown, claims: unknown, options: string[] = []): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const hash = options.length === 0 ? ['-sha256'] : options;
  return `${input}.${encode(openssl(['dgst', ...hash, '-sign', key.file, '-binary'], input))}`;
}

/** A clock that stands still until it is moved, at first on a whole second. */
export function makeClock() {
  let ms = Math.floor(Date.now() / 1_000) * 1_000;
  return {
    now: () => ms,
    seconds: () => ms / 1_000,
    advance(milliseconds: number) {
      ms += milliseconds;
    },
  };
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export function json(body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(code, headers).end();
}

/** Takes the request and never answers. */
export const hang: Answer = () => {};

export interface Issuer {
  url: string;
  /** What each path answers; a path without an answer is 404. Change it at will. */
  answers: Record<string, Answer>;
  /** Paths asked for, in order. */
  requests: string[];
  /** Publishes these keys at `/.well-known/jwks.json`. */
  publish(keys: TestKey[], headers?: Record<string, string>): void;
  /** How often a path was asked for. */
  count(path?: string): number;
}

export const JWKS = '/.well-known/jwks.json';
export const DISCOVERY = '/.well-known/openid-configuration';

export async function startIssuer(t: Test): Promise<Issuer> {
  const requests: string[] = [];
  const answers: Record<string, Answer> = {};
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    (answers[path] ?? status(404))(response, request);
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
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    requests,
    publish(keys, headers) {
      answers[JWKS] = json({ keys: keys.map(({ jwk }) => jwk) }, headers);
    },
    count: (path = JWKS) => requests.filter((asked) => asked === path).length,
  };
}

/** Waits for something that is bound to happen; the test's own time limit is what ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
