/**
 * Control: what one writes first with the same packages. fast-jwt with the issuer's key, SETNX on the webhook id,
 * then `queue.add`. It loses events (docs/decisions/0004-atomic-accept.md); it is here for its speed.
 */
import { createPublicKey } from 'node:crypto';
import { Queue } from 'bullmq';
import { createVerifier } from 'fast-jwt';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { environment } from '../../lib/settings/environment.js';
import { told } from './listen.js';

const issuer = environment['PITCHPOINT_ISSUER'] ?? '';
const { keys } = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as {
  keys: Array<Record<string, string>>;
};
const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
const verify = createVerifier({
  key,
  algorithms: ['RS256'],
  allowedIss: issuer,
  allowedAud: environment['PITCHPOINT_AUDIENCE'] ?? '',
  requiredClaims: ['iss', 'aud', 'exp'],
  cache: true,
});
const redis = new Redis(environment['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
const queue = new Queue('naive', { connection: redis });

const app = fastify({ bodyLimit: 10 * 1024 ** 2 });
app.post('/webhooks/pitchpoint', async (request, reply) => {
  try {
    verify((request.headers.authorization ?? '').slice('Bearer '.length));
  } catch {
    return reply.code(403).send({ error: 'Forbidden' });
  }
  const id = String(request.headers['x-pps-webhook-id']);
  const isNew = await redis.set(`seen:${id}`, '1', 'EX', 259_200, 'NX');
  if (!isNew) return { status: 'duplicate' };
  const topic = String(request.headers['x-pps-topic']);
  await queue.add(
    topic,
    { id, topic, payload: request.body },
    { attempts: 8, backoff: { type: 'exponential', delay: 1_000 } },
  );
  return { status: 'accepted' };
});
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
if (address && typeof address === 'object') told(address.port);
