/**
 * Headers of which there must be one. Node.js keeps the first of several and drops the others, so that a proxy in
 * front, which may look at the last, and this process could each judge another request.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { HooklineError } from '../lib/errors.js';

async function repeatedHeaders(fastify: FastifyInstance) {
  fastify.addHook('onRequest', ({ raw }, reply, done) => {
    // RFC 9112 section 3.2. Where it goes decides which page of a site may change something here.
    if (countOf(raw, 'host') > 1) {
      reply.header('connection', 'close');
      return done(new HooklineError('HKL_ERR_BAD_REQUEST'));
    }
    // Joined as RFC 9110 section 5.3 has it: together they are no credentials, and whoever needs none is let in.
    if (countOf(raw, 'authorization') > 1)
      raw.headers.authorization = valuesOf(raw, 'authorization').join(', ');
    return done();
  });
}

function countOf({ rawHeaders }: IncomingMessage, wanted: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isNamed(rawHeaders[at], wanted)) count += 1;
  return count;
}

/** All values of a header, as they came. */
function valuesOf({ rawHeaders }: IncomingMessage, wanted: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && isNamed(rawHeaders[index - 1], wanted));
}

function isNamed(name = '', wanted: string): boolean {
  return name.length === wanted.length && name.toLowerCase() === wanted;
}

export default fp(repeatedHeaders, { name: 'repeated-headers', fastify: '5.x' });
