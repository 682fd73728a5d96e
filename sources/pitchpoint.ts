/**
 * Pitchpoint: `Authorization: Bearer` with an RS256 JWT of the configured issuer for the configured audience (the
 * provider's webhook verification guide). The token covers neither the body nor the `X-Pps-*` headers: whoever
 * holds a valid one may say anything in them. An answer other than 2xx may disable the endpoint.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { readBearer } from '../lib/jwt/bearer.js';
import { KeySet } from '../lib/jwt/key-set.js';
import type { RefusedToken } from '../lib/jwt/token.js';
import { TokenVerifier, type VerifiedToken } from '../lib/jwt/verifier.js';
import { list } from '../lib/settings/units.js';
import { defineSource, type Identity, type RawDelivery, type Refused, type Verdict } from '../lib/source.js';

const TOGETHER = 'expected PITCHPOINT_ISSUER and PITCHPOINT_AUDIENCE to be set together';

function isHttpUrl(text: string): boolean {
  if (/\s/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

function refuse(cause: string, detail: string): Refused<never> {
  return { ok: false, status: 403, cause, detail };
}

/**
 * A header's value without blanks around it, `undefined` when nothing is left. Node joins a header sent twice with
 * a comma: the same value twice is that value; different ones stay joined, so that none silently wins.
 */
function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const given = headers[name];
  if (given === undefined) return undefined;
  const joined = (Array.isArray(given) ? given.join(', ') : given).trim();
  if (!joined.includes(',')) return joined === '' ? undefined : joined;
  const [first = '', ...others] = joined.split(',').map((part) => part.trim());
  const value = others.every((other) => other === first) ? first : joined;
  return value === '' ? undefined : value;
}

function identify({ headers }: RawDelivery): Identity {
  return {
    id: header(headers, 'x-pps-webhook-id'),
    topic: header(headers, 'x-pps-topic'),
    subTopic: header(headers, 'x-pps-sub-topic'),
    tenantId: header(headers, 'x-pps-tenant-id'),
    triggeredAt: header(headers, 'x-pps-triggered-at'),
  };
}

export default defineSource({
  name: 'pitchpoint',
  settings: {
    /** Exactly the `iss` of the tokens, such as `https://securetoken.google.com/<project>`. */
    PITCHPOINT_ISSUER: z
      .string()
      .refine(
        (text) => isHttpUrl(text) && !/[?#]/.test(text),
        'expected an http or https URL without credentials, query or fragment',
      )
      .optional(),
    /** Exactly the `aud` of the tokens, or one of them. */
    PITCHPOINT_AUDIENCE: z.string().optional(),
    PITCHPOINT_JWKS_URI: z
      .string()
      .refine(isHttpUrl, 'expected an http or https URL without credentials')
      .optional(),
    PITCHPOINT_TENANTS: list()
      .refine((tenants) => tenants.length > 0, 'expected one or more tenant ids, comma-separated')
      .optional(),
  },
  check({ PITCHPOINT_ISSUER: issuer, PITCHPOINT_AUDIENCE: audience }) {
    if ((issuer === undefined) === (audience === undefined)) return [];
    return [[issuer === undefined ? 'PITCHPOINT_ISSUER' : 'PITCHPOINT_AUDIENCE', TOGETHER]];
  },
  enabled: ({ PITCHPOINT_ISSUER: issuer, PITCHPOINT_AUDIENCE: audience }) =>
    issuer !== undefined && audience !== undefined,

  create(settings, { log, onFetch }) {
    const {
      PITCHPOINT_ISSUER: issuer,
      PITCHPOINT_AUDIENCE: audience,
      PITCHPOINT_TENANTS: tenants,
    } = settings;
    if (issuer === undefined || audience === undefined) throw new Error(TOGETHER);
    const keys = new KeySet({ issuer, jwksUri: settings.PITCHPOINT_JWKS_URI, log, onFetch });
    const verifier = new TokenVerifier({ keys, issuer, audience });
    const judge = (token: VerifiedToken | RefusedToken, headers: IncomingHttpHeaders): Verdict<undefined> => {
      if (!token.ok) return refuse(token.cause, token.detail);
      const tenant = tenants && header(headers, 'x-pps-tenant-id');
      if (tenants && (tenant === undefined || !tenants.includes(tenant))) {
        return refuse('tenant-not-allowed', 'X-Pps-Tenant-Id is missing or not one of PITCHPOINT_TENANTS');
      }
      return { ok: true, proof: undefined };
    };
    return {
      authenticate({ headers, suspect }) {
        const bearer = readBearer(headers.authorization);
        if (!bearer.ok) return refuse(bearer.cause, bearer.detail);
        const token = verifier.verify(bearer.token, { mayAsk: !suspect });
        return token instanceof Promise ? token.then((one) => judge(one, headers)) : judge(token, headers);
      },
      identify,
      warmUp: () => keys.warmUp(),
      close: () => keys.close(),
    };
  },
});
