/** What is drawn: texts, JSON and headers of the kind that parsers stumble over. */
import * as fc from 'fast-check';

const NASTY = [
  '',
  ' ',
  '\0',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ud800',
  '\r\n',
  '\r\nX-Injected: 1',
  '{"level":60,"msg":"forged"}',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '{{7*7}}',
  '${7*7}',
  '%00',
  '../../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '*',
  ':',
  '0',
  '-1',
  '1e999',
  'NaN',
  'null',
  'bull:petstore:wait',
  "'; DROP TABLE x; --",
  '# HELP x\nx 1',
  '\u001b[2J',
];

/** Any text: of every code unit, long ones, and those that mean something to someone. */
export const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('\ud800', '\udc00', 'a'), maxLength: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 700 }).map((length) => 'x'.repeat(length)) },
);

const nasty = fc.constantFrom<unknown>(
  1e308,
  -0,
  2 ** 53 + 2,
  [[[[[[]]]]]],
  { __proto__: null },
  [null],
  true,
);

/** A JSON value whose members and texts are hostile. */
export const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 1, arbitrary: nasty },
  { weight: 2, arbitrary: fc.dictionary(text, text, { maxKeys: 3 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
);

/** JSON that `JSON.stringify` never writes. */
const oddJson = fc.constantFrom(
  '{"id":"a","id":"b","eventType":"x"}',
  '{"__proto__":{"polluted":true},"id":"p","eventType":"x"}',
  '{"constructor":{"prototype":{"polluted":true}},"eventType":"x"}',
  '{"id":9007199254740993,"eventType":"x"}',
  '{"id":1e999}',
  '['.repeat(20_000),
  '{"a":'.repeat(5_000),
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
  `${'['.repeat(15_000)}${']'.repeat(15_000)}`,
  '\ufeff{}',
  '{"id":"\\ud800","eventType":"\\udfff"}',
  '{"id":"\\u0000","eventType":"a\\nb"}',
  '',
  'null',
  '"text"',
  '0',
  '[]',
  '{',
);

/** A body: an envelope with hostile members, JSON of another kind, or bytes. */
export const body: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record(
        { id: value, eventId: value, eventType: value, timestamp: value, data: value },
        { requiredKeys: [] },
      )
      .map((members) => Buffer.from(JSON.stringify(members))),
  },
  { weight: 2, arbitrary: oddJson.map((json) => Buffer.from(json)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

/** A text as UTF-8 can carry it: without halves of surrogate pairs. */
export function whole(given: string): string {
  return Buffer.from(given).toString();
}

/** Without the control characters with which no header arrives. */
function onOneLine(given: string): string {
  return given
    .split('')
    .filter((character) => character >= ' ' && character !== '\x7f')
    .join('');
}

/** What may stand in a header (RFC 9110 section 5.5), as one character for each byte. */
export const headerValue = fc.oneof(
  fc
    .string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
      maxLength: 60,
    })
    .map(onOneLine),
  fc.constantFrom(...NASTY).map((value) => onOneLine(Buffer.from(value).toString('latin1'))),
);

/** Names of headers that say nothing about the connection, and are no credentials of a source. */
export const headerName = fc.oneof(
  fc.constantFrom(
    'X-F',
    'Accept',
    'User-Agent',
    'Cookie',
    'Forwarded',
    'X-Forwarded-For',
    'Content-Type',
    'Range',
  ),
  fc.constantFrom(
    'Content-Encoding',
    'X-HTTP-Method-Override',
    'Origin',
    'Sec-Fetch-Site',
    '__proto__',
    'constructor',
  ),
  fc
    .string({ unit: fc.constantFrom(...'abcXYZ019!#$&^_`|~.+-'.split('')), minLength: 1, maxLength: 12 })
    .map((name) => `X-${name}`),
);

export type Headers = Array<[name: string, value: string]>;

export const headers: fc.Arbitrary<Headers> = fc.array(fc.tuple(headerName, headerValue), { maxLength: 6 });

/** Texts made of the characters that a format is made of: most are nearly right. */
export function nearly(characters: string, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...characters.split('')), maxLength });
}
