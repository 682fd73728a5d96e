/**
 * Bodies as the exact bytes, whatever their type or coding says: signatures cover bytes, and a sender's content type
 * is no reason to refuse an authentic delivery. Registered inside the scope of the routes that want it, so that the
 * rest of the app keeps its JSON parser. Why not `fastify-raw-body`: docs/decisions/0001-raw-body.md.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { addressKey } from '../lib/address.js';
import { readBody, type Reservation } from '../lib/body.js';
import { InHand } from '../lib/in-hand.js';

const NOTHING = Buffer.alloc(0);
/** What Fastify takes for a content type (RFC 9110 section 8.3.1); it answers 4xx to anything else. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

async function rawBody(fastify: FastifyInstance) {
  /** What a sender wrote that is no media type: handlers see it as it came. */
  const asSent = new WeakMap<FastifyRequest, string>();
  const inHand = new InHand();
  const reservations = new WeakMap<IncomingMessage, Reservation>();

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const { reserve } = reservations.get(request.raw) as Reservation;
    const announced = Number(request.headers['content-length']);
    return readBody(payload, { limit: fastify.initialConfig.bodyLimit ?? 0, announced, reserve });
  });
  fastify.addHook('onRequest', async (request, reply) => {
    const { raw, ip, headers } = request;
    // Until the answer: while it is verified and queued a body is in memory.
    const reservation = fastify.bodyBudget.open(addressKey(ip));
    reservations.set(raw, reservation);
    inHand.add(raw.socket, reply.raw, () => reservation.release());
    const type = headers['content-type'];
    if (type === undefined || MEDIA_TYPE.test(type)) return;
    asSent.set(request, type);
    headers['content-type'] = 'application/octet-stream';
  });
  fastify.addHook('preHandler', async (request) => {
    request.body ??= NOTHING;
    const type = asSent.get(request);
    if (type !== undefined) request.headers['content-type'] = type;
  });
}

export default fp(rawBody, { name: 'raw-body', dependencies: ['limits'], fastify: '5.x' });
