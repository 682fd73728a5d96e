/**
 * What strangers may use up before anybody knows who they are: connections, requests at once on one of them, headers,
 * memory for bodies. Times are limited in fastify-options.ts. Over a limit the answer is 503: whoever is authentic
 * comes again.
 */
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { addressKey, isWithin, readRanges } from '../lib/address.js';
import { BodyBudget } from '../lib/body.js';
import { destroyAbove } from '../lib/connection-limit.js';
import { HooklineError, UnavailableError } from '../lib/errors.js';
import { InHand, type Work } from '../lib/in-hand.js';
import { rawAnswer } from './errors.js';

export interface LimitsOptions {
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Proxies, whose connections are many people's. */
  trustProxy: readonly string[];
  /** Bytes of all bodies in hand. */
  bodyMemory: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    bodyBudget: BodyBudget;
  }
  interface FastifyRequest {
    /** Tells when nobody waits for the answer any more. */
    work: Work;
  }
}

/** Requests of one connection that are worked on at once: senders of webhooks send one. */
const MAX_PIPELINED = 64;
/** The size of all headers is limited too; this is for what is done for each of them. */
const MAX_HEADERS = 256;
/** Milliseconds that a connection which is turned away has to read why. */
const FAREWELL = 1_000;
/** Milliseconds between two log lines about the same limit. */
const REPORT_EVERY = 60_000;

async function limits(fastify: FastifyInstance, options: LimitsOptions) {
  fastify.decorate('bodyBudget', new BodyBudget(options.bodyMemory, options.bodyMemory / 2));
  const turnedAway = limitConnections(fastify, options);
  const inHand = new InHand();

  fastify.decorateRequest('work');
  fastify.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    // Nothing comes after: it has had its answer.
    if (turnedAway.has(socket)) return void reply.hijack();
    request.work = inHand.add(socket, reply.raw);
    const overloaded = inHand.count(socket) > MAX_PIPELINED;
    const fault = overloaded ? new UnavailableError('HKL_ERR_OVERLOADED') : faultOf(request);
    if (fault) reply.header('connection', 'close');
    return done(fault);
  });
}

function faultOf({ raw }: FastifyRequest): HooklineError | undefined {
  if (raw.rawHeaders.length / 2 > MAX_HEADERS) return new HooklineError('HKL_ERR_HEADERS_TOO_LARGE');
  // RFC 9112 section 3.2. Node.js would say so itself, but in other words than ours.
  const hostless = raw.headers.host === undefined && raw.httpVersion === '1.1';
  return hostless ? new HooklineError('HKL_ERR_BAD_REQUEST') : undefined;
}

/** Answers the connections that were turned away: the parser is on them already and may still find a request. */
function limitConnections(fastify: FastifyInstance, options: LimitsOptions): WeakSet<Socket> {
  const turnedAway = new WeakSet<Socket>();
  const open = new Map<string, number>();
  const proxies = readRanges(options.trustProxy);
  const report = reporter(fastify);
  const farewell = rawAnswer(new UnavailableError('HKL_ERR_OVERLOADED'));

  const tooMany = () => report('MAX_CONNECTIONS', undefined);
  if (cluster.isWorker) destroyAbove(fastify.server, options.maxConnections, tooMany);
  else fastify.server.maxConnections = options.maxConnections;
  fastify.server.on('drop', tooMany);
  // RFC 9110 section 10.1.1 lets us pass over what is expected besides 100-continue; Node.js would answer 417.
  fastify.server.on('checkExpectation', (request, response) =>
    fastify.server.emit('request', request, response),
  );
  fastify.server.prependListener('connection', (socket: Socket) => {
    if (proxies && isWithin(proxies, socket.remoteAddress)) return;
    const address = addressKey(socket.remoteAddress);
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count <= options.maxConnectionsPerAddress) return;
    turnedAway.add(socket);
    report('MAX_CONNECTIONS_PER_ADDRESS', address);
    socket.on('error', () => {});
    socket.end(farewell);
    setTimeout(() => socket.destroy(), FAREWELL).unref();
  });
  return turnedAway;
}

/** One line a minute for each limit, however many are turned away. */
function reporter(fastify: FastifyInstance): (setting: string, address: string | undefined) => void {
  const reportedAt = new Map<string, number>();
  return (setting, address) => {
    const now = Date.now();
    if (now - (reportedAt.get(setting) ?? 0) < REPORT_EVERY) return;
    reportedAt.set(setting, now);
    fastify.log.warn({ setting, address }, 'too many connections: those over the limit are turned away');
  };
}

export default fp(limits, { name: 'limits', fastify: '5.x' });
