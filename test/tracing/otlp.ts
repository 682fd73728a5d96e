/** Reads what an OTLP exporter sends, from opentelemetry-proto's `trace.proto` alone: no code of OpenTelemetry's. */

export interface SeenSpan {
  /** Of the resource: whose process it is. */
  service: string;
  scope: string;
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** Milliseconds since 1970. */
  start: number;
  end: number;
  attributes: Record<string, unknown>;
  events: Array<{ name: string; attributes: Record<string, unknown> }>;
  /** 0 unset, 1 ok, 2 error. */
  status: number;
}

type Value = Buffer | bigint;
type Fields = Map<number, Value[]>;

/** `ExportTraceServiceRequest` → its spans. @throws {RangeError} when the bytes are no message */
export function decodeSpans(body: Buffer): SeenSpan[] {
  return messages(read(body), 1).flatMap((resourceSpans) => {
    const [resource = new Map()] = messages(resourceSpans, 1);
    const service = String(attributesOf(resource, 1)['service.name']);
    return messages(resourceSpans, 2).flatMap((scopeSpans) => {
      const [scope = new Map()] = messages(scopeSpans, 1);
      return messages(scopeSpans, 2).map((span) => toSpan(service, text(scope, 1), span));
    });
  });
}

function toSpan(service: string, scope: string, span: Fields): SeenSpan {
  const [status = new Map()] = messages(span, 15);
  return {
    service,
    scope,
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentId: hex(span, 4),
    name: text(span, 5),
    kind: number(span, 6),
    start: number(span, 7) / 1e6,
    end: number(span, 8) / 1e6,
    attributes: attributesOf(span, 9),
    events: messages(span, 11).map((event) => ({ name: text(event, 2), attributes: attributesOf(event, 3) })),
    status: number(status, 3),
  };
}

function attributesOf(fields: Fields, field: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(fields, field).map((pair) => {
      const [value = new Map()] = messages(pair, 2);
      return [text(pair, 1), value.has(1) ? text(value, 1) : number(value, 3)];
    }),
  );
}

function messages(fields: Fields, field: number): Fields[] {
  return (fields.get(field) ?? []).map((value) => read(value as Buffer));
}

function text(fields: Fields, field: number): string {
  return (fields.get(field)?.[0] ?? '').toString();
}

function hex(fields: Fields, field: number): string {
  return ((fields.get(field)?.[0] ?? Buffer.alloc(0)) as Buffer).toString('hex');
}

function number(fields: Fields, field: number): number {
  return Number(fields.get(field)?.[0] ?? 0);
}

/** Protocol Buffers' wire format: each field as its number and its value. */
function read(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const slice = (length: number) => {
    if (at + length > bytes.length) throw new RangeError('the message ends too early');
    return bytes.subarray(at, (at += length));
  };
  const readers: Record<number, () => Value> = {
    0: varint,
    1: () => slice(8).readBigUInt64LE(),
    2: () => slice(Number(varint())),
    5: () => BigInt(slice(4).readUInt32LE()),
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const value = readers[tag & 7]?.();
    if (value === undefined) throw new RangeError(`no wire type ${tag & 7}`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}
