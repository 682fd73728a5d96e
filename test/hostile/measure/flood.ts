/**
 * Sends forged tokens, each with a key id of its own, from a hundred addresses of this machine, and prints what was
 * answered as JSON. A process of its own, so that what is measured beside it does not wait for it.
 *
 *   npx tsx flood.ts RECEIVER ISSUER AUDIENCE SUBNET RATE COUNT [KID]
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { send, together } from './traffic.js';

const [address = '', iss = '', aud = '', subnet = '', rate = '', count = '', known = ''] =
  process.argv.slice(2);
const ADDRESSES = 100;

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const iat = Math.floor(Date.now() / 1_000);
const claims = encode({ iss, aud, sub: 'x', iat, exp: iat + 3_600 });

const next = async () => {
  const header = encode({ alg: 'RS256', typ: 'JWT', kid: known || randomUUID() });
  const token = `${header}.${claims}.${randomBytes(256).toString('base64url')}`;
  const headers = {
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
    'X-Pps-Topic': 'x',
  };
  return {
    path: '/webhooks/pitchpoint',
    method: 'POST',
    headers,
    body: Buffer.from('{}'),
    id: '',
    topic: '',
  } as const;
};

// Few refusals each, as they have who want to do harm: past REFUSAL_LIMIT nothing is asked at all.
const senders = Array.from({ length: ADDRESSES }, (_, index) =>
  send({
    address,
    from: `127.0.${subnet}.${index + 1}`,
    rate: Number(rate) / ADDRESSES,
    until: Number(count) / ADDRESSES,
    next,
  }),
);
console.log(JSON.stringify(together(await Promise.all(senders))));
