/**
 * A delivery's spans, by OpenTelemetry's conventions for HTTP and messaging: `POST /webhooks/:source` with `send
 * <source>` below it, and below that `wait <source>` and one `process <source>` for each attempt. No attribute holds
 * a body, a header, an error's message or a tenant.
 */
import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Delivery, Envelope } from '../event.js';
import { traceHeadersOf, type TraceHeaders } from './trace-context.js';
import type { AttemptTrace, ReceiveTrace } from './tracing.js';

const ROUTE = '/webhooks/:source';
const MAX_ERROR_NAME = 100;
/** Of attempts that ended without an error of the handler. */
const WELL = new Set(['completed', 'stale', 'returned']);

const propagator = new W3CTraceContextPropagator();

export class DeliverySpans {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  receive(delivery: Envelope, elapsed: number): ReceiveTrace {
    const { source, headers } = delivery;
    const parent = contextOf(headers['traceparent'] === undefined ? {} : headers);
    const request = this.#tracer.startSpan(
      `POST ${ROUTE}`,
      { kind: SpanKind.SERVER, startTime: Date.now() - elapsed },
      parent,
    );
    // Most are not sampled: they get their ids, and nothing else is done for them.
    if (!request.isRecording()) return { ...ids(request.spanContext()), end() {} };
    request.setAttributes({
      'http.request.method': 'POST',
      'http.route': ROUTE,
      'url.path': `/webhooks/${source}`,
    });
    const send = this.#tracer.startSpan(
      `send ${source}`,
      { kind: SpanKind.PRODUCER, attributes: messageAttributes(delivery, 'send') },
      trace.setSpan(parent, request),
    );
    return {
      ...ids(send.spanContext()),
      end(outcome, status) {
        for (const span of [send, request]) {
          span.setAttribute('hookline.outcome', outcome);
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        }
        send.end();
        request.setAttribute('http.response.status_code', status).end();
      },
    };
  }

  attempt(delivery: Delivery, number: number): AttemptTrace {
    const { source } = delivery;
    const parent = contextOf(traceHeadersOf(delivery));
    const startTime = Date.now();
    const span = this.#tracer.startSpan(`process ${source}`, { kind: SpanKind.CONSUMER, startTime }, parent);
    const active = trace.setSpan(parent, span);
    return {
      traceId: span.spanContext().traceId,
      headers: headersOf(active),
      run: (handler) => context.with(active, handler),
      end: (outcome, error) => {
        if (!span.isRecording()) return;
        span.setAttributes({ ...messageAttributes(delivery, 'process'), 'hookline.attempt': number });
        span.setAttribute('hookline.outcome', outcome);
        if (error) span.setAttribute('error.type', error.name.slice(0, MAX_ERROR_NAME));
        if (!WELL.has(outcome)) span.setStatus({ code: SpanStatusCode.ERROR });
        if (outcome === 'retried') span.addEvent('retry', { 'hookline.attempt': number });
        span.end();
        if (number === 1) this.#wait(delivery, startTime, trace.getSpan(parent) ? parent : active);
      },
    };
  }

  /** From the receipt, or the replay, by another machine's clock maybe, to the first attempt. */
  #wait({ source, receivedAt, replay }: Delivery, until: number, parent: Context): void {
    const since = Math.min(Date.parse(replay?.at ?? receivedAt) || until, until);
    this.#tracer.startSpan(`wait ${source}`, { startTime: since }, parent).end(until);
  }
}

function messageAttributes({ id, source, topic }: Envelope, operation: 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'bullmq',
    'messaging.destination.name': source,
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.message.id': id,
    ...(topic === null ? {} : { 'hookline.topic': topic }),
  };
}

function contextOf(headers: TraceHeaders): Context {
  return headers.traceparent === undefined
    ? ROOT_CONTEXT
    : propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
}

function headersOf(active: Context): TraceHeaders {
  const headers: TraceHeaders = {};
  propagator.inject(active, headers, defaultTextMapSetter);
  return headers;
}

function ids({ traceId, spanId, traceFlags }: SpanContext): { traceId: string; traceparent: string } {
  return { traceId, traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}` };
}
