/**
 * Who may see /admin: whoever has the credentials; where none are set, only this machine, and in production
 * nobody. And who may change something: not another site's page, and nobody while ADMIN_READONLY is set.
 * Registered inside the scope that it guards.
 */
import { BlockList, isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { addressKey, plainAddress } from '../lib/address.js';
import { Credentials } from '../lib/credentials.js';
import { HooklineError } from '../lib/errors.js';
import { Recent } from '../lib/jwt/recent.js';
import { answerError } from './errors.js';

export interface AdminGuardOptions {
  user: string | undefined;
  password: string | undefined;
  production: boolean;
  readOnly: boolean;
}

/** Different wrong passwords of one address; then nobody of it gets in until the window ends. */
const MAX_GUESSES = 10;
const GUESS_WINDOW = 300_000;
/** Wrong passwords that are remembered, so that a browser that sends one many times has guessed once. */
const MAX_REMEMBERED = 1_000;
/** Bytes of a body: here people change things, and no provider sends anything. */
const BODY_LIMIT = 1024 ** 2;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

async function adminGuard(fastify: FastifyInstance, options: AdminGuardOptions) {
  const { user, password, production, readOnly } = options;
  const credentials =
    user !== undefined && password !== undefined ? new Credentials([user], [password]) : undefined;
  const guesses = fastify.rateLimits.open('admin', GUESS_WINDOW);
  const guessed = new Recent<true>(MAX_REMEMBERED);
  const admitted = new WeakSet<FastifyRequest>();

  fastify.addHook('onRoute', (route) => void (route.bodyLimit ??= BODY_LIMIT));

  fastify.addHook('onRequest', async (request, reply) => {
    const refusal = whoRefusal(request) ?? whatRefusal(request, readOnly);
    // Answered here, as the dashboard's own error handler would say it in another shape.
    return refusal && answerError(reply, refusal);
  });

  fastify.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });

  fastify.addHook('onResponse', async (request, { statusCode }) => {
    if (!admitted.has(request) || !isChange(request)) return;
    const { method, ip } = request;
    const path = request.url.split('?', 1)[0]?.slice(0, 500);
    request.log.info(
      {
        audit: 'change',
        method,
        path,
        status: statusCode,
        address: ip,
        by: credentials ? 'ADMIN_USER' : 'loopback',
      },
      'change in /admin',
    );
  });

  function whoRefusal(request: FastifyRequest): HooklineError | undefined {
    if (!credentials) {
      if (production || !isLocal(request)) return new HooklineError('HKL_ERR_NOT_FOUND');
    } else {
      const address = addressKey(request.ip);
      if (guesses.count(address) >= MAX_GUESSES) {
        return new HooklineError('HKL_ERR_ADMIN_LOCKED', { retryAfter: guesses.resetsIn() });
      }
      const given = credentials.check(request.headers.authorization);
      if (!given.ok) return wrongCredentials(address, given.guess);
    }
    admitted.add(request);
    return undefined;
  }

  function wrongCredentials(address: string, guess: string | undefined): HooklineError {
    if (guess !== undefined && !guessed.get(guess)) {
      guessed.set(guess, true);
      if (guesses.add(address) === MAX_GUESSES)
        fastify.log.warn(
          { address },
          'too many wrong passwords for /admin: the address is locked out for a while',
        );
    }
    return new HooklineError('HKL_ERR_ADMIN_UNAUTHORIZED', {
      headers: { 'www-authenticate': 'Basic realm="hookline admin", charset="UTF-8"' },
    });
  }
}

function isChange({ method }: FastifyRequest): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method);
}

/** Credentials of a browser go with whatever any page makes it send: changes must come from a page of ours. */
function whatRefusal(request: FastifyRequest, readOnly: boolean): HooklineError | undefined {
  if (!isChange(request)) return undefined;
  if (!isSameOrigin(request)) return new HooklineError('HKL_ERR_CROSS_SITE');
  return readOnly ? new HooklineError('HKL_ERR_READ_ONLY') : undefined;
}

/**
 * Browsers say where a request comes from, in `Sec-Fetch-Site` or, without TLS, in `Origin` alone. What says neither
 * is no browser. A proxy may have changed the Host, so that `Sec-Fetch-Site` decides where it is there.
 */
function isSameOrigin({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The dashboard's page sets styles in place and asks for web fonts, which it does without. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * From this machine, and not through a proxy on it, and asked for by a local name: a page on the web that points
 * its own host name at 127.0.0.1 must not read the dashboard.
 */
function isLocal({ socket, headers }: FastifyRequest): boolean {
  const address = plainAddress(socket.remoteAddress);
  if (!loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return false;
  if (headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined) return false;
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(headers.host ?? '');
}

export default fp(adminGuard, { name: 'admin-guard', dependencies: ['rate-limit'], fastify: '5.x' });
