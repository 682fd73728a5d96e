/** JSON of strangers is counted before it is parsed. */
import * as fc from 'fast-check';
import t from 'tap';
import { parseMessage } from '../../lib/sns/message.js';
import { draws } from '../fuzz/seed.js';
import { isModest } from '../../lib/modest-json.js';

const TOO_MUCH = { ok: false, cause: 'not-sns', detail: /deeper, or of more parts/ };

const MESSAGE = {
  Type: 'Notification',
  MessageId: 'id',
  TopicArn: 'arn',
  Message: '{}',
  Timestamp: '2025-01-06T16:20:11.284Z',
  SignatureVersion: '1',
  Signature: 'AA==',
  SigningCertURL: 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem',
};

const parse = (message: object) => parseMessage(Buffer.from(JSON.stringify(message)));

void t.test('a message of SNS is parsed, whatever its texts hold', async (t) => {
  const texts = [
    '[{'.repeat(500_000),
    '\\"['.repeat(300_000),
    '"'.repeat(300_000),
    '\\'.repeat(300_001),
    ',{'.repeat(300_000),
  ];
  for (const [number, text] of texts.entries())
    t.match(parse({ ...MESSAGE, Message: text }), { ok: true, message: { Message: text } }, `text ${number}`);
  const attributes = Array.from({ length: 2_000 }, (_, index) => [
    `name-${index}`,
    { Type: 'String', Value: '[' },
  ]);
  t.match(
    parse({ ...MESSAGE, MessageAttributes: Object.fromEntries(attributes) }),
    { ok: true },
    'and many attributes',
  );
});

void t.test('what is deeper, or of more parts, is not parsed', async (t) => {
  const inside = JSON.stringify(MESSAGE).slice(1);
  for (const hostile of [
    '['.repeat(1_000_000),
    `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`,
    '{"a":'.repeat(100_000),
    `[${'{},'.repeat(100_000)}{}]`,
    `[${'"",'.repeat(100_000)}""]`,
    `{${'"a":1,'.repeat(100_000)}"b":1}`,
    `{"Extra":${'['.repeat(17)}${']'.repeat(17)},${inside}`,
    `{"Extra":[${'0,'.repeat(30_000)}0],${inside}`,
    `{"\\"":"\\\\",${'"a":1,'.repeat(30_000)}${inside}`,
  ]) {
    t.match(parseMessage(Buffer.from(hostile)), TOO_MUCH, hostile.slice(0, 20));
  }
});

void t.test('counted as JSON.parse would find it', async (t) => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  // Few parts, so that only the depth decides, and texts that look like more of it.
  const text = fc.string({ unit: fc.constantFrom(...Array.from('[]{},:"\\ a')), maxLength: 10 });
  const level = fc.record({
    name: text,
    beside: fc.oneof(text, fc.jsonValue({ maxDepth: 1 })),
    list: fc.boolean(),
  });
  const json = fc
    .array(level, { maxLength: 24, size: 'max' })
    .map((levels) =>
      JSON.stringify(
        levels.reduce<unknown>(
          (inside, { name, beside, list }) => (list ? [beside, inside] : { [name]: inside, beside }),
          'innermost',
        ),
      ),
    );
  let modest = 0;
  fc.assert(
    fc.property(json, (drawn) => {
      const fits = depthOf(JSON.parse(drawn)) <= 16;
      if (fits) modest += 1;
      return isModest(Buffer.from(drawn)) === fits;
    }),
    draws(500),
  );
  t.ok(
    modest > 50 && modest < 450,
    `by its depth, whatever is in its texts: ${modest} of 500 are not too deep`,
  );
});
