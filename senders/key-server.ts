import { createPrivateKey, createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { generateRsaKey } from './keys.js';
import { notFound, startLocalServer, type LocalAnswer } from './local-server.js';
import { keptState, writeState } from './state.js';

export interface SigningKey {
  kid: string;
  publicKey: KeyObject;
  privateKey: KeyObject;
}

/** An OpenID Connect issuer, as far as those who verify its tokens see it. */
export interface KeyServer {
  /** `http://127.0.0.1:<port>` */
  issuer: string;
  /** How often each document was fetched. */
  requests: { discovery: number; jwks: number };
  /** The key to sign with now. */
  signingKey(): SigningKey;
  /** Makes a new key to sign with. The one before it is served beside it until the next rotation. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

/** A new key with a `kid` like the provider's: 40 hexadecimal digits. */
export async function newSigningKey(): Promise<SigningKey> {
  return { kid: randomBytes(20).toString('hex'), ...(await generateRsaKey()) };
}

/**
 * Starts the key server on loopback.
 * @param options.maxAge seconds that its answers may be cached.
 * @param options.stateFile where its keys are kept from one start to the next.
 */
export async function startKeyServer(options: {
  port?: number | undefined;
  maxAge: number;
  stateFile?: string | undefined;
}): Promise<KeyServer> {
  const requests = { discovery: 0, jwks: 0 };
  const makeKeys = async () => [await newSigningKey()] as Keys;
  let served = await keptState(options.stateFile, readKeys, makeKeys, keysToJson);

  const json = (value: unknown): LocalAnswer => ({
    status: 200,
    type: 'application/json; charset=UTF-8',
    headers: { 'Cache-Control': `public, max-age=${options.maxAge}, must-revalidate` },
    body: JSON.stringify(value),
  });
  const server = await startLocalServer(({ pathname }) => {
    if (pathname === '/.well-known/openid-configuration') {
      requests.discovery++;
      return json(discovery(server.origin));
    }
    if (pathname === '/.well-known/jwks.json') {
      requests.jwks++;
      return json({ keys: served.map(toJwk) });
    }
    return notFound;
  }, options.port);

  return {
    issuer: server.origin,
    requests,
    signingKey: () => served[0],
    async rotate() {
      served = [await newSigningKey(), served[0]];
      if (options.stateFile !== undefined) await writeState(options.stateFile, keysToJson(served));
    },
    close: () => server.close(),
  };
}

/** The key to sign with, and those that are served beside it. */
type Keys = [SigningKey, ...SigningKey[]];

function keysToJson(keys: Keys): object {
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' });
  return { keys: keys.map(({ kid, privateKey }) => ({ kid, privateKey: pem(privateKey) })) };
}

function readKeys({ keys }: Record<string, unknown>): Keys | undefined {
  if (!Array.isArray(keys)) return undefined;
  try {
    const read = keys.map(({ kid, privateKey }: { kid: string; privateKey: string }) => {
      const key = createPrivateKey(privateKey);
      return { kid, privateKey: key, publicKey: createPublicKey(key) };
    });
    const [current, ...others] = read;
    return current && [current, ...others];
  } catch {
    return undefined;
  }
}

/** RFC 7517. */
function toJwk({ kid, publicKey }: SigningKey): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}

/** OpenID Connect Discovery 1.0, section 3. */
function discovery(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}
