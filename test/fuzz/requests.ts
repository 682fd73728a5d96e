/** Requests as they are drawn: genuine ones with hostile contents, genuine ones spoilt, and what was never one. */
import * as fc from 'fast-check';
import {
  body as anyBody,
  headers as anyHeaders,
  headerValue,
  text,
  value,
  whole,
  type Headers,
} from './hostile.js';
import type { World } from './world.js';

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

const LATIN = 'latin1';

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

const sizes = fc.option(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 }), {
  nil: undefined,
  freq: 4,
});

function post(
  kind: string,
  expected: Expected,
  source: string,
  parts: fc.Arbitrary<{ headers: Headers; body: Buffer }>,
): fc.Arbitrary<Drawn> {
  return fc.tuple(parts, anyHeaders, sizes).map(([{ headers, body }, more, chunks]) => ({
    kind: `${source}: ${kind}`,
    expected,
    method: 'POST',
    path: `/webhooks/${source}`,
    headers: [...headers, ...more],
    body,
    ...(chunks && { chunks }),
  }));
}

function petstore(world: World) {
  const signature = fc.constantFrom('X-Petstore-Signature', 'X-Webhook-Signature', 'x-petstore-signature');
  const genuine = fc.tuple(anyBody, signature, fc.option(headerValue)).map(([body, name, before]) => ({
    headers: [
      [name, (before === null ? '' : `${before.slice(0, 20).replaceAll(',', '')},`) + world.signBody(body)],
    ] as Headers,
    body,
  }));
  const spoilt = fc
    .tuple(anyBody, signature, fc.nat({ max: 63 }), fc.constantFrom(...'0123456789abcdef'.split('')))
    .map(([body, name, at, digit]) => {
      const right = world.signBody(body);
      const other = digit === right[7 + at] ? (digit === '0' ? '1' : '0') : digit;
      // The first digits are right, as one finds them who measures how long a comparison takes.
      return { headers: [[name, right.slice(0, 7 + at) + other + right.slice(8 + at)]] as Headers, body };
    });
  const longer = fc.tuple(anyBody, fc.uint8Array({ minLength: 1, maxLength: 3 })).map(([body, more]) => ({
    headers: [['X-Petstore-Signature', world.signBody(body)]] as Headers,
    body: Buffer.concat([body, more]),
  }));
  const junk = fc.tuple(anyBody, headerValue, fc.nat({ max: 70 })).map(([body, given, cut]) => ({
    headers: [
      ['X-Petstore-Signature', cut < 64 && given.length < 10 ? world.signBody(body).slice(0, cut) : given],
    ] as Headers,
    body,
  }));
  return [
    { weight: 14, arbitrary: post('genuine', 'taken', 'petstore', genuine) },
    { weight: 8, arbitrary: post('one digit wrong', 'refused', 'petstore', spoilt) },
    { weight: 6, arbitrary: post('body longer', 'refused', 'petstore', longer) },
    { weight: 8, arbitrary: post('junk', 'refused', 'petstore', junk) },
  ];
}

function pitchpoint(world: World) {
  const named = fc
    .tuple(headerValue, headerValue, headerValue, headerValue)
    .map(([id, topic, tenant, at]): Headers => [
      ['X-Pps-Webhook-Id', id],
      ['X-Pps-Topic', topic],
      ['X-Pps-Tenant-Id', tenant],
      ['X-Pps-Triggered-At', at],
    ]);
  const withToken = (token: fc.Arbitrary<string>) =>
    fc.tuple(token, named, anyBody).map(([given, names, body]) => ({
      headers: [['Authorization', `Bearer ${given}`], ...names] as Headers,
      body,
    }));
  const good = fc.constantFrom(...world.tokens);
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part) ?? '').toString('base64url');
  const decode = (part = '') =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  const member = fc.constantFrom(
    'alg',
    'kid',
    'typ',
    'crit',
    'jwk',
    'jku',
    'x5u',
    'iss',
    'aud',
    'exp',
    'sub',
    '__proto__',
  );
  const changed = fc
    .tuple(
      good,
      fc.nat({ max: 1 }),
      member,
      fc.oneof(value, fc.constantFrom('none', 'HS256', 'PS256', 'ES256')),
    )
    .map(([token, which, name, given]) => {
      const parts = token.split('.');
      parts[which] = encode({ ...decode(parts[which]), [name]: given, x: 1 });
      return parts.join('.');
    })
    .filter((token) => !world.tokens.includes(token) && token.length < 7_000);
  const cut = fc
    .tuple(good, fc.nat({ max: 600 }), fc.constantFrom('', 'A', '.', '=', '-', '!', ' ', '..'))
    .map(([token, at, put]) => token.slice(0, at) + put + token.slice(at + 1))
    .filter((token) => !world.tokens.includes(token.trim()));
  const swapped = fc.tuple(good, good, fc.nat({ max: 2 })).map(([one, other, which]) => {
    const parts = one.split('.');
    parts[which] = other.split('.')[which] ?? '';
    return parts.join('.');
  });
  const none = good.map((token) => `${encode({ alg: 'none', kid: 'a' })}.${token.split('.')[1]}.`);
  const twice = fc.tuple(withToken(good), good).map(([{ headers, body }, other]) => ({
    headers: [...headers, ['authorization', `Bearer ${other}`]] as Headers,
    body,
  }));
  return [
    { weight: 10, arbitrary: post('genuine', 'taken', 'pitchpoint', withToken(good)) },
    { weight: 6, arbitrary: post('member changed', 'refused', 'pitchpoint', withToken(changed)) },
    { weight: 4, arbitrary: post('a character changed', 'refused', 'pitchpoint', withToken(cut)) },
    { weight: 2, arbitrary: post('segments of two', 'unjudged', 'pitchpoint', withToken(swapped)) },
    { weight: 2, arbitrary: post('algorithm none', 'refused', 'pitchpoint', withToken(none)) },
    {
      weight: 3,
      arbitrary: post(
        'wrong claims, well signed',
        'refused',
        'pitchpoint',
        withToken(fc.constantFrom(...world.wrongTokens)),
      ),
    },
    { weight: 2, arbitrary: post('junk', 'refused', 'pitchpoint', withToken(headerValue)) },
    { weight: 1, arbitrary: post('two Authorization headers', 'refused', 'pitchpoint', twice) },
  ];
}

function pce(world: World) {
  const sent = (message: fc.Arbitrary<unknown>) =>
    fc.tuple(message, fc.nat({ max: 2 })).map(([given, space]) => ({
      headers: [['Content-Type', 'text/plain; charset=UTF-8']] as Headers,
      body: Buffer.from(JSON.stringify(given, null, space) ?? ''),
    }));
  const good = fc.constantFrom(...world.messages);
  const unsigned = fc
    .tuple(good, fc.dictionary(text, value, { maxKeys: 2 }))
    .map(([message, more]) => ({ ...more, ...message, UnsubscribeURL: 'http://127.0.0.1:9/' }))
    .filter((message) => !('Token' in message) && Object.keys(message).every((name) => name !== 'Subject'));
  const fresh = fc
    .record(
      { Message: text, MessageId: text, Subject: text, Timestamp: text },
      { requiredKeys: ['Message', 'MessageId'] },
    )
    // SNS signs whole Unicode, and lines only where there may be some.
    .filter(
      ({ Message, ...lines }) =>
        Object.values(lines).every((line) => whole(line) === line && !line.includes('\n')) &&
        whole(Message) === Message,
    )
    .map((message) => world.signMessage(message));
  const field = fc.constantFrom(
    'Message',
    'MessageId',
    'Subject',
    'Timestamp',
    'TopicArn',
    'Type',
    'Signature',
    'SignatureVersion',
    'Token',
  );
  const changed = fc
    .tuple(good, field, value)
    .map(([message, name, given]) => ({ ...message, [name]: given }));
  const url = fc.oneof(
    fc.webUrl(),
    text,
    fc.constantFrom(
      'http://169.254.169.254/latest/meta-data/x.pem',
      'https://sns.us-east-1.s3.amazonaws.com/SimpleNotificationService-0a.pem',
      'file:///etc/passwd',
      'https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0a.pem',
    ),
  );
  const elsewhere = fc.tuple(good, url).map(([message, SigningCertURL]) => ({ ...message, SigningCertURL }));
  return [
    { weight: 7, arbitrary: post('genuine', 'taken', 'pce', sent(unsigned)) },
    { weight: 2, arbitrary: post('genuine, signed for this request', 'taken', 'pce', sent(fresh)) },
    { weight: 6, arbitrary: post('a field changed', 'unjudged', 'pce', sent(changed)) },
    { weight: 3, arbitrary: post('certificate elsewhere', 'refused', 'pce', sent(elsewhere)) },
    {
      weight: 2,
      arbitrary: post('not for us', 'refused', 'pce', sent(fc.constantFrom(...world.wrongMessages))),
    },
    { weight: 3, arbitrary: post('junk', 'refused', 'pce', sent(value)) },
  ];
}

const SEGMENTS = [
  'webhooks',
  'petstore',
  'pitchpoint',
  'pce',
  'admin',
  'queues',
  'api',
  'deliveries',
  'health',
  'live',
  'ready',
];
const segment = fc.oneof(
  fc.constantFrom(...SEGMENTS, 'metrics', '..', '.', '', '%2e%2e', '%00', '%ff', '%', '*', 'static'),
  text.map(encodeURIComponentSafely),
);

function encodeURIComponentSafely(given: string): string {
  return encodeURIComponent(whole(given));
}

const start = fc.constantFrom(
  [],
  ['webhooks', 'petstore'],
  ['admin', 'queues', 'api', 'queues'],
  ['admin', 'api', 'deliveries'],
  ['health', 'live'],
  ['metrics'],
);

function elsewhere(): fc.Arbitrary<Drawn> {
  const method = fc.constantFrom(
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'QUERY',
  );
  const query = fc.option(
    text.map((given) => `?${encodeURIComponentSafely(given)}=1`),
    { nil: '' },
  );
  const credentials = fc.option(
    text.map((given): [string, string] => [
      'Authorization',
      `Basic ${Buffer.from(given).toString('base64')}`,
    ]),
  );
  return fc
    .tuple(
      method,
      fc.tuple(start, fc.array(segment, { maxLength: 3 })),
      query,
      anyHeaders,
      anyBody,
      credentials,
    )
    .map(([method, [first, segments], query, headers, body, basic]) => ({
      kind: 'any path',
      expected: 'unjudged' as const,
      method,
      path: `/${[...first, ...segments].join('/')}${query}`,
      headers: basic ? [...headers, basic] : headers,
      body,
    }));
}

/** A genuine request as bytes, with some of them changed, or a shape over which proxies and servers disagree. */
function bytes(world: World): fc.Arbitrary<Drawn> {
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

/** Any request. */
export function requests(world: World): fc.Arbitrary<Drawn> {
  return fc.oneof(
    ...petstore(world),
    ...pitchpoint(world),
    ...pce(world),
    { weight: 6, arbitrary: elsewhere() },
    { weight: 3, arbitrary: bytes(world) },
  );
}
