/** Requests that are not quite HTTP. */
import * as fc from 'fast-check';
import { body as anyBody } from '../hostile.js';
import type { World } from '../world.js';
import { LATIN, wireOf, type Drawn } from './drawn.js';

/** A genuine request as bytes, with some of them changed, or a shape over which proxies and servers disagree. */
export function bytes(world: World): fc.Arbitrary<Drawn> {
  const genuine = anyBody.map((body): Drawn => ({
    kind: 'bytes changed',
    expected: 'unjudged',
    method: 'POST',
    path: '/webhooks/petstore',
    headers: [
      ['X-Petstore-Signature', world.signBody(body)],
      ['Connection', 'close'],
    ],
    body,
  }));
  const edit = fc.record({
    at: fc.nat({ max: 10_000 }),
    cut: fc.nat({ max: 3 }),
    put: fc.uint8Array({ maxLength: 3 }),
  });
  const edited = fc.tuple(genuine, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([drawn, edits]) => {
    let raw = wireOf(drawn);
    for (const { at, cut, put } of edits) {
      const from = at % raw.length;
      raw = Buffer.concat([raw.subarray(0, from), put, raw.subarray(from + cut)]);
    }
    return { ...drawn, raw };
  });
  const shape = fc.constantFrom(
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding : chunked',
    'Content-Length: 5',
    'Content-Length: -1',
    'Content-Length: 0x5',
    'Content-Length: 5, 5',
    ' folded: x',
    'Bad Name: x',
    'X: a\0b',
    'X: a\rb',
    ': empty',
    'Host: other.example',
  );
  const disputed = fc.tuple(genuine, shape).map(([drawn, line]) => ({
    ...drawn,
    kind: 'framing in dispute',
    expected: 'refused' as const,
    raw: Buffer.from(wireOf(drawn).toString(LATIN).replace('\r\n', `\r\n${line}\r\n`), LATIN),
  }));
  const garbage = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 100 }).map((raw) => Buffer.from(raw)),
    fc
      .constantFrom(
        'GET /\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        '\x16\x03\x01\x02\x00',
        'POST /webhooks/petstore HTTP/9.9\r\n\r\n',
      )
      .map((line) => Buffer.from(line, LATIN)),
  );
  const nothing = fc.tuple(genuine, garbage).map(([drawn, raw]) => ({
    ...drawn,
    kind: 'no HTTP',
    expected: 'refused' as const,
    raw,
    body: Buffer.alloc(0),
  }));
  return fc.oneof(
    { weight: 4, arbitrary: edited },
    { weight: 3, arbitrary: disputed },
    { weight: 1, arbitrary: nothing },
  );
}
