/**
 * Bodies as the exact bytes, whatever their type or coding says: signatures cover bytes, and a sender's content type
 * is no reason to refuse an authentic delivery. Registered inside the scope of the routes that want it, so that the
 * rest of the app keeps its JSON parser. Why not `fastify-raw-body`: docs/decisions/0001-raw-body.md.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { addressKey } from '../lib/address.js';
import { readBody, type BodyDone, type Reservation } from '../lib/body.js';

const NOTHING = Buffer.alloc(0);
/** What nearly everybody sends. */
const JSON_TYPE = 'application/json';
/** What Fastify takes for a content type (RFC 9110 section 8.3.1); it answers 4xx to anything else. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** Milliseconds in which the rest of a body that is too large is read and dropped, so that its sender reads why. */
const LINGER = 5_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** What a sender wrote that is no media type: handlers see it as it came. */
    typeAsSent: string | undefined;
    bodyRoom: Reservation;
  }
}

async function rawBody(fastify: FastifyInstance) {
  const limit = fastify.initialConfig.bodyLimit ?? 0;
  fastify.decorateRequest('typeAsSent');
  fastify.decorateRequest('bodyRoom');

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done: BodyDone) => {
    const announced = Number(request.headers['content-length']);
    readBody(payload, { limit, announced, room: request.bodyRoom }, done);
  });
  // Fastify would close the connection: with bytes unread that resets it, and many a sender then sees no answer.
  fastify.addHook('onError', (request, reply, { code }, done) => {
    if (code === 'HKL_ERR_BODY_TOO_LARGE') {
      reply.removeHeader('connection');
      const cut = setTimeout(() => request.raw.complete || request.raw.destroy(), LINGER).unref();
      request.raw.once('close', () => clearTimeout(cut));
    }
    done();
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { ip, headers, work } = request;
    // Until the answer: while it is verified and queued a body is in memory.
    request.bodyRoom = fastify.bodyBudget.open(addressKey(ip));
    work.held.push(request.bodyRoom);
    const type = headers['content-type'];
    if (type !== undefined && type !== JSON_TYPE && !MEDIA_TYPE.test(type)) {
      request.typeAsSent = type;
      headers['content-type'] = 'application/octet-stream';
    }
    done();
  });
  fastify.addHook('preHandler', (request, _reply, done) => {
    request.body ??= NOTHING;
    const { typeAsSent } = request;
    if (typeAsSent !== undefined) request.headers['content-type'] = typeAsSent;
    done();
  });
}

export default fp(rawBody, { name: 'raw-body', dependencies: ['limits'], fastify: '5.x' });
