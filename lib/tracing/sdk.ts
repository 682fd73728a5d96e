/** OpenTelemetry's SDK, loaded only where tracing is on. It reads the other `OTEL_*` variables itself, as it does everywhere. */
import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';
import { QuietExporter } from './quiet-exporter.js';
import { DeliverySpans } from './spans.js';
import type { Tracing } from './tracing.js';

/** Milliseconds for what is left at the end. */
const FLUSH_LIMIT = 2_000;

export interface SdkOptions {
  /** Where the exporter posts to. */
  url: string;
  log: Log;
  /** Are there handlers, whose spans should find ours? */
  runsHandlers: boolean;
}

/** Starts the SDK, and registers it for the whole process where handlers' own spans are to find it. */
export function startSdk({ url, log, runsHandlers }: SdkOptions): Tracing {
  const provider = configured(log, () => {
    // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last, and counts.
    const resource = resourceFromAttributes({ 'service.name': 'hookline' }).merge(
      detectResources({ detectors: [envDetector] }),
    );
    const exporter = new QuietExporter(new OTLPTraceExporter({ url }), log);
    return new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  });
  // With a context manager, Node.js 20 follows every promise of the process from the first export on, which a receiver
  // would pay for at each delivery and has no use for.
  const registered = runsHandlers && trace.setGlobalTracerProvider(provider);
  if (registered) {
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }
  const spans = new DeliverySpans(provider.getTracer('hookline'));
  return {
    receive: (delivery, elapsed) => spans.receive(delivery, elapsed),
    attempt: (delivery, number) => spans.attempt(delivery, number),
    async close() {
      await Promise.race([provider.shutdown(), sleep(FLUSH_LIMIT, undefined, { ref: false })]);
      if (!registered) return;
      for (const api of [trace, propagation, context]) api.disable();
    },
  };
}

/** Values that the SDK cannot use are told in the log; what it says later is the exporter's to tell, once. */
function configured<T>(log: Log, configure: () => T): T {
  const tell = (message: string) => log.warn({ reason: message.slice(0, 500) }, 'a setting of OpenTelemetry');
  const mute = () => {};
  const logger = { error: tell, warn: tell, info: mute, debug: mute, verbose: mute };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  try {
    return configure();
  } finally {
    diag.disable();
  }
}
