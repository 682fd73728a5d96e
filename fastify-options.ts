import { LogController, type FastifyBaseLogger, type FastifyReply, type FastifyRequest } from 'fastify';
import type { FastifyError } from 'fastify';
import type { Settings } from './lib/settings/settings.js';
import { answerClientError, answerError, translate } from './plugins/errors.js';

/** Milliseconds. A sender that dribbles is cut: Node checks these at `connectionsCheckingInterval`. */
const TIMES = { headers: 10_000, request: 30_000, keepAlive: 72_000, silent: 60_000, check: 2_000 };

/** Bytes of request line and headers together. A token has up to 8 kB. */
const MAX_HEADER_SIZE = 16 * 1024;

/** Then the connection is closed after its answer, so that load finds its way to new processes. */
const MAX_REQUESTS_PER_CONNECTION = 100_000;

/** How Fastify itself is set up: limits, logging, and what it says of requests that it cannot read. */
export function fastifyOptions(settings: Settings, loggerInstance: FastifyBaseLogger) {
  return {
    loggerInstance,
    // The webhook route writes one line for each delivery, with what became of it.
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of its own for each request costs more than it tells: the line of a delivery bears its id.
    childLoggerFactory: (logger: FastifyBaseLogger) => logger,
    bodyLimit: settings.BODY_LIMIT,
    requestTimeout: TIMES.request,
    keepAliveTimeout: TIMES.keepAlive,
    // Of a connection on which neither side moves: a client that never reads its answer, say.
    connectionTimeout: TIMES.silent,
    maxRequestsPerSocket: MAX_REQUESTS_PER_CONNECTION,
    http: {
      headersTimeout: TIMES.headers,
      connectionsCheckingInterval: TIMES.check,
      maxHeaderSize: MAX_HEADER_SIZE,
      insecureHTTPParser: false,
      // plugins/limits.ts asks for it, in our words.
      requireHostHeader: false,
    },
    ...(settings.TRUST_PROXY ? { trustProxy: settings.TRUST_PROXY } : {}),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_048 },
    // The draining plugin answers while the process ends: with Retry-After, and in our words.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      void answerError(reply, translate(error)),
  };
}
