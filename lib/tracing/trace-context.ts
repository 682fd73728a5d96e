/**
 * W3C Trace Context as it travels: in the sender's request, with the delivery in its queue or spool, to the handler.
 * Needs no OpenTelemetry, so that a sender's trace can be followed in the log where tracing is off.
 */
import type { Delivery } from '../event.js';

/** The headers by which a request joins a trace. Empty where there is none to join. */
export interface TraceHeaders {
  traceparent?: string;
  tracestate?: string;
}

/** Trace Context section 3.2.2: version, trace id, parent id, flags. Ids of zeros alone, and version ff, are none. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** The trace's id: 32 hexadecimal digits. `undefined` where the text is no `traceparent`. */
export function traceIdOf(traceparent: unknown): string | undefined {
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
}

/** Of which trace a delivery is a part: ours since it was received, or its sender's where that was not traced. */
export function traceHeadersOf({ traceparent, headers }: Delivery): TraceHeaders {
  const parent = traceparent ?? headers['traceparent'];
  if (parent === undefined || traceIdOf(parent) === undefined) return {};
  const state = headers['tracestate'];
  return { traceparent: parent, ...(state === undefined ? {} : { tracestate: state }) };
}
