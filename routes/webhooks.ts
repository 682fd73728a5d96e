/** `POST /webhooks/<source>`: verify, remember and queue in one step, answer. HTTP, and nothing below it. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { receiveDelivery } from '../lib/delivery.js';
import type { Envelope } from '../lib/event.js';
import { HooklineError, UnavailableError } from '../lib/errors.js';
import type { Taken } from '../lib/intake.js';
import { Budget } from '../lib/budget.js';
import type { DeliveryOutcome } from '../lib/metrics.js';
import type { RawDelivery, Refused, Source } from '../lib/source.js';
import { traceIdOf } from '../lib/tracing/trace-context.js';
import type { ReceiveTrace, Tracing } from '../lib/tracing/tracing.js';
import rawBody from '../plugins/raw-body.js';

interface WebhookRoute {
  Params: { source: string };
}

/** What is known of one delivery while it is received. */
interface Receipt {
  /** Its source's. */
  name: string;
  source: Source;
  raw: RawDelivery;
  request: FastifyRequest;
  reply: FastifyReply;
  /** What the line of an authentic delivery says of it, whatever becomes of it after. */
  event: Envelope | undefined;
  /** Only of what is authentic: nobody else has a say in what is sampled. */
  trace: ReceiveTrace | undefined;
}

const SUSPECT =
  'too many deliveries of this address were refused: for a while more of them are logged at debug only';

/** Warnings of deliveries that cannot be verified just now, as strangers can have them: so many, then one in so many ms. */
const UNVERIFIED = { burst: 100, intervalMs: 600 };

const answerSchema = {
  type: 'object',
  properties: { status: { type: 'string' }, source: { type: 'string' }, id: { type: 'string' } },
  required: ['status', 'source', 'id'],
} as const;

export interface WebhooksOptions {
  /** `undefined`: nothing is traced. */
  tracing: Tracing | undefined;
}

export default async function webhooks(fastify: FastifyInstance, { tracing }: WebhooksOptions) {
  await fastify.register(rawBody);
  const unverified = new Budget(UNVERIFIED.burst, UNVERIFIED.intervalMs);

  fastify.post<WebhookRoute>('/webhooks/:source', {
    onRequest: [fastify.refuseWhileDraining, fastify.shedLoad, refuseUnknownSource],
    preHandler: fastify.takeInHand,
    schema: { response: { 200: answerSchema } },
    handler: receive,
  });

  fastify.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/webhooks/:source',
    handler: async () => {
      throw new HooklineError('HKL_ERR_METHOD_NOT_ALLOWED', { headers: { allow: 'POST' } });
    },
  });

  /** Before the body is read: what nobody waits for need not be taken in. */
  function refuseUnknownSource(
    request: FastifyRequest,
    _reply: FastifyReply,
    done: HookHandlerDoneFunction,
  ): void {
    const { source } = request.params as WebhookRoute['Params'];
    done(fastify.sources.has(source) ? undefined : new HooklineError('HKL_ERR_UNKNOWN_SOURCE'));
  }

  function loudness({ code }: UnavailableError): 'debug' | 'warn' {
    return code === 'HKL_ERR_KEYS_UNAVAILABLE' && !unverified.take(Date.now()) ? 'debug' : 'warn';
  }

  async function receive(request: FastifyRequest<WebhookRoute>, reply: FastifyReply) {
    const { source: name } = request.params;
    const source = fastify.sources.get(name) as Source;
    const raw: RawDelivery = {
      body: request.body as Buffer,
      headers: request.headers,
      suspect: fastify.rateLimits.isSuspect(request),
    };
    const receipt: Receipt = { name, source, raw, request, reply, event: undefined, trace: undefined };
    try {
      const verdict = await source.authenticate(raw);
      if (!verdict.ok) {
        if (verdict.queueAnyway) await accept(receipt, verdict.queueAnyway.proof);
        return refuse(receipt, verdict);
      }
      fastify.rateLimits.admit(name);
      const { status, jobId } = await accept(receipt, verdict.proof);
      const { id, topic } = receipt.event as Envelope;
      finish(receipt, status, 200, { id, topic, jobId }, 'info');
      return { status, source: name, id };
    } catch (error) {
      if (error instanceof UnavailableError) {
        const { id, topic } = receipt.event ?? {};
        const fields = { ...(receipt.event && { id, topic }), ...describe(error) };
        finish(receipt, 'unavailable', error.statusCode, fields, loudness(error));
      }
      throw error;
    }
  }

  function accept(receipt: Receipt, proof: unknown): Promise<Taken> {
    const { name, source, raw, reply } = receipt;
    const received = receiveDelivery(name, raw, source.identify(raw, proof), new Date());
    const { envelope } = received;
    receipt.event = envelope;
    receipt.trace = tracing?.receive(envelope, reply.elapsedTime);
    if (receipt.trace) envelope.traceparent = receipt.trace.traceparent;
    return fastify.intake.accept(received);
  }

  function refuse(receipt: Receipt, { status, cause, detail, expected, challenge }: Refused<unknown>): never {
    const { name, request, reply } = receipt;
    fastify.metrics.refusal(name, cause);
    const said = expected ? 'nothing' : fastify.rateLimits.countRefusal(request, reply);
    const level = said === 'nothing' ? 'debug' : 'warn';
    finish(receipt, 'refused', status, { cause, detail, address: request.ip }, level);
    if (said === 'limit') request.log.warn({ address: request.ip }, SUSPECT);
    throw new HooklineError(status === 401 ? 'HKL_ERR_UNAUTHORIZED' : 'HKL_ERR_FORBIDDEN', {
      headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
    });
  }

  /** One line and one count for each delivery, whatever became of it. */
  function finish(
    { name, request, reply, trace }: Receipt,
    outcome: DeliveryOutcome,
    httpStatus: number,
    fields: object,
    level: 'debug' | 'info' | 'warn',
  ): void {
    const ms = reply.elapsedTime;
    fastify.metrics.delivery(name, outcome, ms / 1_000);
    trace?.end(outcome, httpStatus);
    const traceId = trace?.traceId ?? traceIdOf(request.headers['traceparent']);
    request.log[level]({ source: name, outcome, ms: Math.round(ms), ...fields, traceId }, outcome);
  }
}

function describe(error: UnavailableError) {
  const { cause } = error;
  return { code: error.code, reason: cause instanceof Error ? cause.message : cause };
}
