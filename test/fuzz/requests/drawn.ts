/** A request as it is drawn, and as bytes. */
import type { Headers } from '../hostile.js';

/** What has to become of it. `unjudged`: it may have stayed genuine; the answer is held against the signers' record. */
export type Expected = 'taken' | 'refused' | 'unjudged';

export interface Drawn {
  kind: string;
  expected: Expected;
  method: string;
  path: string;
  headers: Headers;
  body: Buffer;
  /** Takes the place of the request as bytes. */
  raw?: Buffer;
  /** Sizes of chunks, where it is sent in chunks. */
  chunks?: number[];
}

export const LATIN = 'latin1';

/** The request as bytes. */
export function wireOf({ method, path, headers, body, raw, chunks }: Drawn): Buffer {
  if (raw) return raw;
  const framing: Headers = chunks
    ? [['Transfer-Encoding', 'chunked']]
    : [['Content-Length', String(body.length)]];
  const lines = [['Host', 'localhost'], ...headers, ...framing].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, LATIN);
  return Buffer.concat([head, chunks ? chunked(body, chunks) : body]);
}

function chunked(body: Buffer, sizes: number[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < body.length; turn += 1) {
    const part = body.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
    at += part.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
