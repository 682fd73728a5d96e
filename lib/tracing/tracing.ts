/** Traces of deliveries, off unless a collector is named. docs/decisions/0016-traces.md tells why it is made so. */
import type { Delivery, Envelope } from '../event.js';
import type { Log } from '../log.js';
import type { Settings } from '../settings/settings.js';
import type { TraceHeaders } from './trace-context.js';

export interface Tracing {
  /**
   * Begins the spans of an authentic delivery at its receiver, in the sender's trace where it named one.
   * @param elapsed milliseconds since the request came
   */
  receive(delivery: Envelope, elapsed: number): ReceiveTrace;
  /** Begins the span of an attempt. @param number 1 for the first */
  attempt(delivery: Delivery, number: number): AttemptTrace;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
}

export interface ReceiveTrace {
  traceId: string;
  /** What the delivery is queued with, so that its worker goes on with this trace. */
  traceparent: string;
  /** @param status of the HTTP answer */
  end(outcome: string, status: number): void;
}

/** One that is never ended is never sent. */
export interface AttemptTrace {
  traceId: string;
  /** For the handler's own requests. */
  headers: TraceHeaders;
  /** Runs a handler with the attempt's span as the active one. */
  run<T>(handler: () => Promise<T>): Promise<T>;
  end(outcome: string, error: Error | undefined): void;
}

type TracingSettings = Pick<
  Settings,
  | 'ROLE'
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  | 'OTEL_SDK_DISABLED'
  | 'OTEL_TRACES_EXPORTER'
>;

/** `undefined` where no collector is named; OpenTelemetry is not even loaded then. */
export async function openTracing(settings: TracingSettings, log: Log): Promise<Tracing | undefined> {
  const url = tracesUrl(settings);
  if (url === undefined || settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  const { startSdk } = await import('./sdk.js');
  return startSdk({ url, log, runsHandlers: settings.ROLE !== 'receiver' });
}

/** OpenTelemetry's protocol exporter specification: the first is a base to which the signal's path is added. */
function tracesUrl(settings: TracingSettings): string | undefined {
  const base = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  return settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? base?.replace(/\/?$/, '/v1/traces');
}
