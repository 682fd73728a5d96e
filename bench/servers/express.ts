/**
 * Control: the stack of the provider's guide, Express with express-jwt and jwks-rsa, plus SETNX and `queue.add`.
 */
import { Queue } from 'bullmq';
import express from 'express';
import { expressjwt, type GetVerificationKey } from 'express-jwt';
import { Redis } from 'ioredis';
import jwksRsa from 'jwks-rsa';
import { environment } from '../../lib/settings/environment.js';
import { told } from './listen.js';

const issuer = environment['PITCHPOINT_ISSUER'] ?? '';
const redis = new Redis(environment['REDIS_URL'] ?? '', { maxRetriesPerRequest: null });
const queue = new Queue('express', { connection: redis });

const checkJwt = expressjwt({
  secret: jwksRsa.expressJwtSecret({
    cache: true,
    rateLimit: true,
    jwksRequestsPerMinute: 5,
    jwksUri: `${issuer}/.well-known/jwks.json`,
  }) as GetVerificationKey,
  audience: environment['PITCHPOINT_AUDIENCE'] ?? '',
  issuer,
  algorithms: ['RS256'],
});

const app = express();
app.post('/webhooks/pitchpoint', checkJwt, express.json({ limit: '10mb' }), async (request, response) => {
  const id = String(request.headers['x-pps-webhook-id']);
  const isNew = await redis.set(`seen:${id}`, '1', 'EX', 259_200, 'NX');
  if (!isNew) {
    response.json({ status: 'duplicate' });
    return;
  }
  const topic = String(request.headers['x-pps-topic']);
  await queue.add(
    topic,
    { id, topic, payload: request.body as unknown },
    { attempts: 8, backoff: { type: 'exponential', delay: 1_000 } },
  );
  response.json({ status: 'accepted' });
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address && typeof address === 'object') told(address.port);
});
