import { randomInt, randomUUID, sign } from 'node:crypto';
import { newSigningKey, startKeyServer, type KeyServer, type SigningKey } from './key-server.js';
import { spoil } from './keys.js';
import type { RequestOptions, Sample, Sender } from './sender.js';

export interface PitchpointSenderOptions {
  /** Default `hookline-demo`. */
  audience?: string;
  /** Port of the key server; any free one by default. */
  port?: number;
  /** Seconds that the key server lets its answers be cached. Default 3600. */
  maxAge?: number;
  /** Where its keys are kept from one start to the next; by default they are new each time. */
  stateFile?: string;
}

export interface PitchpointRequestOptions extends RequestOptions {
  /** Take the place of the token's claims, or add to them; `undefined` leaves one out. */
  claims?: Record<string, unknown>;
  /** The body as it stands, whatever it is; takes the place of `data`. */
  rawBody?: Buffer | string;
}

export interface PitchpointSender
  extends Sender<Sample, PitchpointRequestOptions>, Pick<KeyServer, 'issuer' | 'requests' | 'rotate'> {
  audience: string;
}

/** Seconds that a token lives, and that the provider uses one before it makes the next. */
const TOKEN_LIFETIME = 3_600;
const TOKEN_REUSE = 1_800;

/**
 * Acts as Pitchpoint: a key server on loopback, and deliveries with an RS256 token beside them.
 * The token covers neither the body nor the `X-Pps-*` headers, so `tamper: 'body'` is refused.
 */
export async function startPitchpointSender(
  options: PitchpointSenderOptions = {},
): Promise<PitchpointSender> {
  const { audience = 'hookline-demo', port, maxAge = 3_600, stateFile } = options;
  const server = await startKeyServer({ port, maxAge, stateFile });
  const makeToken = tokenMaker(server, audience);

  return {
    source: 'pitchpoint',
    environment: { PITCHPOINT_ISSUER: server.issuer, PITCHPOINT_AUDIENCE: audience },
    issuer: server.issuer,
    audience,
    requests: server.requests,
    rotate: () => server.rotate(),
    async request(sample, options = {}) {
      if (options.tamper === 'body') throw new TypeError('Pitchpoint signs no body: nothing could tell.');
      const { id = randomUUID(), data = sample.data, rawBody = JSON.stringify(data) } = options;
      return {
        path: '/webhooks/pitchpoint',
        method: 'POST',
        headers: {
          Authorization: `Bearer ${await makeToken(options)}`,
          'Content-Type': 'application/json',
          'X-Pps-Webhook-Id': id,
          ...eventHeaders(sample, options),
        },
        body: Buffer.from(rawBody),
        id,
        topic: sample.topic,
      };
    },
    close: () => server.close(),
  };
}

function eventHeaders(sample: Sample, options: RequestOptions): Record<string, string> {
  const { subTopic = sample.subTopic, tenantId = sample.tenantId, triggeredAt = dotnetTime() } = options;
  return {
    'X-Pps-Topic': sample.topic,
    ...(subTopic !== undefined && { 'X-Pps-Sub-Topic': subTopic }),
    ...(tenantId !== undefined && { 'X-Pps-Tenant-Id': tenantId }),
    'X-Pps-Triggered-At': triggeredAt,
  };
}

/** Tokens are used again for a while, as the provider does; those with other claims or a fault are not kept. */
function tokenMaker(server: KeyServer, audience: string) {
  let kept: { token: string; kid: string; iat: number } | undefined;
  let stranger: Promise<SigningKey> | undefined;

  const keptToken = (claims: { iat: number }): string => {
    const key = server.signingKey();
    if (kept?.kid !== key.kid || claims.iat - kept.iat >= TOKEN_REUSE) {
      kept = { token: signToken(claims, key), kid: key.kid, iat: claims.iat };
    }
    return kept.token;
  };

  return async ({ tamper, claims: others }: PitchpointRequestOptions): Promise<string> => {
    const iat = Math.floor(Date.now() / 1_000);
    const usual = {
      iss: server.issuer,
      aud: audience,
      sub: 'pitchpoint-webhooks',
      iat,
      exp: iat + TOKEN_LIFETIME,
    };
    const claims = { ...usual, ...others };
    const key = server.signingKey();
    if (tamper === 'token') {
      stranger ??= newSigningKey();
      return signToken(claims, { kid: key.kid, privateKey: (await stranger).privateKey });
    }
    const token = others ? signToken(claims, key) : keptToken(usual);
    return tamper === 'signature' ? spoilToken(token) : token;
  };
}

/** RFC 7515, compact form, RS256. */
function signToken(claims: object, { kid, privateKey }: Pick<SigningKey, 'kid' | 'privateKey'>): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode({ alg: 'RS256', typ: 'JWT', kid })}.${encode(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
}

function spoilToken(token: string): string {
  const end = token.lastIndexOf('.') + 1;
  return token.slice(0, end) + spoil(Buffer.from(token.slice(end), 'base64url')).toString('base64url');
}

/** The time now with .NET's seven decimals: `2024-01-15T10:00:00.7777748Z`. */
function dotnetTime(): string {
  const ticks = String(randomInt(10_000)).padStart(4, '0');
  return new Date().toISOString().replace('Z', `${ticks}Z`);
}
