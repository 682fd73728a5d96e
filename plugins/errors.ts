/** The one place that writes error bodies, so that every error has one shape and tells a stranger nothing. */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { HooklineError, type ErrorCode } from '../lib/errors.js';

async function errors(fastify: FastifyInstance) {
  fastify.setErrorHandler((error: FastifyError | HooklineError, request, reply) => {
    const known = error instanceof HooklineError ? error : translate(error);
    if (known.code === 'HKL_ERR_INTERNAL') request.log.error({ err: error }, 'unexpected error');
    return answerError(reply, known);
  });
  fastify.setNotFoundHandler((_request: FastifyRequest, reply) =>
    answerError(reply, new HooklineError('HKL_ERR_NOT_FOUND')),
  );
}

/** Writes an error of the catalogue in Fastify's shape. */
export function answerError(reply: FastifyReply, error: HooklineError): FastifyReply {
  if (error.retryAfter !== undefined) reply.header('retry-after', String(error.retryAfter));
  return reply
    .headers(error.headers)
    .code(error.statusCode)
    .type('application/json; charset=utf-8')
    .send(toBody(error));
}

function toBody({ statusCode, code, message }: HooklineError): object {
  return { statusCode, code, error: STATUS_CODES[statusCode], message };
}

/** The same ready to be written again and again, at the price of writing it. */
export function preparedAnswer(error: HooklineError): (response: ServerResponse) => void {
  const body = JSON.stringify(toBody(error));
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
  };
  return (response) => response.writeHead(error.statusCode, headers).end(body);
}

/** The same as the bytes of a whole answer, for connections on which there is no request to reply to. */
export function rawAnswer(error: HooklineError): string {
  const body = JSON.stringify(toBody(error));
  return [
    `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(error.retryAfter === undefined ? [] : [`Retry-After: ${error.retryAfter}`]),
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** Answers what Node.js could not read as a request, or waited for in vain. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // What still comes after our answer is no request either.
  if (socket.writableEnded) return;
  // Once an answer has begun, or nobody is there to read it, another one would only be noise.
  const begun = (Reflect.get(socket, '_httpMessage') as ServerResponse | null | undefined)?.headersSent;
  if (error.code === 'ECONNRESET' || !socket.writable || begun) return void socket.destroy();
  const code = CLIENT_ERRORS[error.code ?? ''] ?? 'HKL_ERR_BAD_REQUEST';
  socket.end(rawAnswer(new HooklineError(code)));
  const cut = setTimeout(() => socket.destroy(), LINGER).unref();
  socket.resume().once('close', () => clearTimeout(cut));
}

/**
 * Milliseconds in which the rest of what a sender sends is read and dropped: to close a connection with bytes unread
 * resets it, and the answer may be lost on its way (RFC 9112 section 9.6).
 */
const LINGER = 1_000;

const CLIENT_ERRORS: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'HKL_ERR_REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HKL_ERR_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'HKL_ERR_BODY_TOO_LARGE',
};

/** Fastify's own errors, in our words. What is not the sender's fault is 503: it must come again. */
export function translate(error: FastifyError): HooklineError {
  const codes: Record<number, ErrorCode> = {
    404: 'HKL_ERR_NOT_FOUND',
    408: 'HKL_ERR_REQUEST_TIMEOUT',
    413: 'HKL_ERR_BODY_TOO_LARGE',
    414: 'HKL_ERR_URI_TOO_LONG',
  };
  const status = error.statusCode ?? 500;
  const code = codes[status] ?? (status < 500 ? 'HKL_ERR_BAD_REQUEST' : 'HKL_ERR_INTERNAL');
  return new HooklineError(code, { cause: error });
}

export default fp(errors, { name: 'errors', fastify: '5.x' });
