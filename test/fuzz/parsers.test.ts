/** Properties of everything that reads what strangers write, for inputs that nobody thought of. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import t from 'tap';
import { addressKey } from '../../lib/address.js';
import { makeDelivery } from '../../lib/delivery.js';
import { readBearer } from '../../lib/jwt/bearer.js';
import { hasDuplicateMembers } from '../../lib/jwt/json.js';
import { readKeySet } from '../../lib/jwt/public-keys.js';
import { parseToken, shown } from '../../lib/jwt/token.js';
import { isSigned, readSignatures } from '../../lib/signature.js';
import { checkCertificateUrl, isSubscribeUrl } from '../../lib/sns/certificate-url.js';
import { parseMessage, stringToSign, type SnsMessage } from '../../lib/sns/message.js';
import { parseTimestamp } from '../../lib/time.js';
import petstore from '../../sources/petstore.js';
import pitchpoint from '../../sources/pitchpoint.js';
import { silentLog } from '../../lib/log.js';
import { body, headers, text, value } from './hostile.js';
import { draws, seed } from './seed.js';

t.comment(`FUZZ_SEED=${seed}`);
const RUNS = 2_000;

/** Texts made of the characters that a format is made of: most are nearly right. */
function nearly(characters: string, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...characters.split('')), maxLength });
}

void t.test('timestamps', async (t) => {
  const odd = fc.oneof(nearly('0123456789-:.TZ+ ', 40), text, fc.string());
  fc.assert(
    fc.property(odd, (given) => {
      const time = parseTimestamp(given);
      return time === null || Number.isSafeInteger(time);
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      return parseTimestamp(date.toISOString()) === date.getTime();
    }),
    draws(RUNS),
  );
  t.pass('an answer for every text, and the right one for every time');
});

void t.test('Authorization', async (t) => {
  const almost = fc
    .tuple(nearly('BearerbEARER \t,', 9), nearly('abc.-_~+/= ,\0', 30))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(almost, text, fc.string()), (given) => {
      const read = readBearer(given);
      // What is taken for the token is all that follows the scheme.
      if (read.ok)
        return (
          given.toLowerCase().startsWith('bearer ') && given.endsWith(read.token) && !/[\s,]/.test(read.token)
        );
      return given === '' || !read.detail.includes(given) || given.length < 10;
    }),
    draws(RUNS),
  );
  t.pass('one token or a refusal');
});

void t.test('signature headers', async (t) => {
  const hex = nearly('0123456789abcdefABCDEF', 70);
  const part = fc.oneof(
    hex.map((digits) => `sha256=${digits}`),
    hex,
    text,
    fc.constantFrom('sha256=', 'sha1=', ','),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const read = readSignatures(parts.join(','));
      return read.length <= 16 && read.every((signature) => signature.length === 32);
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(body, fc.string({ minLength: 8 }), fc.string({ minLength: 8 }), (content, secret, other) => {
      const digest = createHmac('sha256', secret).update(content).digest();
      return (
        isSigned(content, [digest], [other, secret]) &&
        (other === secret || !isSigned(content, [digest], [other]))
      );
    }),
    draws(RUNS / 4),
  );
  fc.assert(
    fc.property(body, fc.nat({ max: 255 }), fc.integer({ min: 1, max: 255 }), (content, at, flip) => {
      const digest = createHmac('sha256', 'the-secret').update(content).digest();
      digest[at % 32] = (digest[at % 32] ?? 0) ^ flip;
      return !isSigned(content, [digest], ['the-secret']);
    }),
    draws(RUNS / 4),
  );
  t.pass('whole digests only, and no bit may differ');
});

void t.test('tokens', async (t) => {
  const encode = (part: string | Buffer) => Buffer.from(part).toString('base64url');
  const member = fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku', 'x5u', '__proto__');
  const header = fc.oneof(
    fc.dictionary(member, fc.oneof(fc.constantFrom('RS256', 'none', 'HS256', 'a'), value), { maxKeys: 4 }),
    value,
  );
  const token = fc.oneof(
    fc
      .tuple(header, value, fc.uint8Array({ maxLength: 300 }))
      .map(([head, claims, signature]) =>
        [
          encode(JSON.stringify(head) ?? ''),
          encode(JSON.stringify(claims) ?? ''),
          encode(Buffer.from(signature)),
        ].join('.'),
      ),
    fc.array(fc.base64String({ maxLength: 30 }), { maxLength: 5 }).map((parts) => parts.join('.')),
    fc.array(body.map(encode), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('.')),
    text,
  );
  fc.assert(
    fc.property(token, (given) => {
      const parsed = parseToken(given);
      if (!parsed.ok) return parsed.detail.length < 300 && /^[\x20-\x7e]*$/.test(parsed.detail);
      const head = JSON.parse(Buffer.from(given.split('.')[0] ?? '', 'base64url').toString()) as Record<
        string,
        unknown
      >;
      return (
        head['alg'] === 'RS256' &&
        head['kid'] === parsed.kid &&
        !('crit' in head) &&
        given.split('.').length === 3
      );
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(value, (given) => shown(given).length <= 120),
    draws(RUNS / 4),
  );
  t.pass('RS256 with a kid, or a reason that is fit for a log');
});

void t.test('members named twice', async (t) => {
  const members = fc.array(fc.tuple(text, value), { maxLength: 5 });
  fc.assert(
    fc.property(members, (pairs) => {
      const json = `{${pairs.map(([name, of]) => `${JSON.stringify(name)}:${JSON.stringify(of) ?? 'null'}`).join(',')}}`;
      return hasDuplicateMembers(json) === new Set(pairs.map(([name]) => name)).size < pairs.length;
    }),
    draws(RUNS),
  );
  t.pass('found if and only if there are any');
});

void t.test('key sets', async (t) => {
  const key = fc.dictionary(
    fc.constantFrom('kty', 'kid', 'n', 'e', 'use', 'alg', 'key_ops', 'd', '__proto__'),
    fc.oneof(fc.constantFrom('RSA', 'RS256', 'sig', 'AQAB', 'AQ'), value),
  );
  const set = fc.oneof(
    fc.array(key, { maxLength: 4 }).map((keys) => JSON.stringify({ keys })),
    text,
    fc.json(),
  );
  fc.assert(
    fc.property(set, (given) => {
      try {
        return readKeySet(given, 100).size > 0;
      } catch (error) {
        return /key/i.test((error as Error).message);
      }
    }),
    draws(RUNS / 2),
  );
  t.pass('keys, or one reason why not');
});

const HOSTS = [
  'sns.us-east-1.amazonaws.com',
  'sns.us-east-1.amazonaws.com.cn',
  'sns.s3.amazonaws.com',
  'evil.example',
];
const PIECES = [
  ...HOSTS,
  'https://',
  'http://',
  '//',
  '/',
  '\\',
  '@',
  ':',
  ':443',
  '?',
  '#',
  '.',
  '..',
  '%2e',
  '\t',
  '\n',
  ' ',
];
const urls = fc
  .array(
    fc.constantFrom(
      ...PIECES,
      '/SimpleNotificationService-0a1b.pem',
      '/?Action=ConfirmSubscription',
      '127.0.0.1',
      '[::1]',
      'ａ',
      '。',
    ),
    {
      maxLength: 7,
    },
  )
  .map((pieces) => pieces.join(''));

void t.test('certificate and subscribe URLs', async (t) => {
  const AWS = /^sns\.[a-z]+(?:-[a-z]+)+-\d+\.amazonaws\.com(?:\.cn)?$/;
  const isAws = (given: string) => {
    const { protocol, hostname, port, username, password, hash } = new URL(given);
    return protocol === 'https:' && AWS.test(hostname) && !port && !username && !password && !hash;
  };
  const given = fc.oneof(
    urls,
    urls.map((url) => `https://sns.us-east-1.amazonaws.com${url}`),
    text,
    fc.webUrl(),
  );
  fc.assert(
    fc.property(given, (url) => {
      const certificate = checkCertificateUrl(url, new Set());
      if (certificate && !(isAws(url) && new URL(url).href === url && new URL(url).pathname.endsWith('.pem')))
        return false;
      return !isSubscribeUrl(url, new Set()) || isAws(url);
    }),
    draws(RUNS * 2),
  );
  fc.assert(
    fc.property(
      urls.map((url) => `http://127.0.0.1:4000${url}`),
      (url) => {
        const trusted = new Set(['http://127.0.0.1:4000']);
        const allowed = checkCertificateUrl(url, trusted) !== undefined || isSubscribeUrl(url, trusted);
        return !allowed || new URL(url).origin === 'http://127.0.0.1:4000';
      },
    ),
    draws(RUNS),
  );
  t.pass('as the parser that fetches reads them, they are where they may be');
});

const line = fc.oneof(
  nearly('ab\n', 4),
  fc.constantFrom('MessageId', 'Subject', 'Message', 'Type', 'x\nMessageId\ny'),
  text,
);
const message = fc.record(
  {
    Type: fc.constantFrom('Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation', 'Other'),
    Message: fc.oneof(
      line,
      fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n')),
    ),
    MessageId: fc.oneof(line, fc.constant(null)),
    Subject: fc.oneof(line, fc.constant(null)),
    Timestamp: line,
    TopicArn: line,
    Token: line,
    SubscribeURL: line,
    Extra: value,
  },
  { requiredKeys: ['Type', 'Message', 'Timestamp', 'TopicArn'] },
);

void t.test('SNS messages', async (t) => {
  const parse = (given: unknown) => parseMessage(Buffer.from(JSON.stringify(given) ?? ''));
  fc.assert(
    fc.property(
      fc.oneof(
        body,
        message.map((given) => Buffer.from(JSON.stringify(given))),
      ),
      (given) => {
        const parsed = parseMessage(given);
        return parsed.ok
          ? stringToSign(parsed.message).endsWith(`Type\n${parsed.message.Type}\n`)
          : parsed.cause === 'not-sns';
      },
    ),
    draws(RUNS),
  );
  // Different messages, of which the second is the first with its text cut into fields in another way.
  const seen = new Map<string, string>();
  const signed = [
    'Type',
    'Message',
    'MessageId',
    'Subject',
    'Timestamp',
    'TopicArn',
    'Token',
    'SubscribeURL',
  ] as const;
  const fieldsOf = (parsed: SnsMessage) =>
    JSON.stringify(signed.map((name) => Reflect.get(parsed, name) ?? null));
  fc.assert(
    fc.property(message, (given) => {
      const parsed = parse(given);
      if (!parsed.ok) return true;
      const to = stringToSign(parsed.message);
      const before = seen.get(to) ?? fieldsOf(parsed.message);
      seen.set(to, before);
      return before === fieldsOf(parsed.message);
    }),
    draws(RUNS * 2),
  );
  t.ok(seen.size > 100, `${seen.size} texts to sign, each of one message`);
});

void t.test('deliveries', async (t) => {
  const source = petstore.create({ PETSTORE_WEBHOOK_SECRET: ['the-secret'] }, { log: silentLog });
  const named = pitchpoint.create(
    {
      PITCHPOINT_ISSUER: 'http://127.0.0.1:9',
      PITCHPOINT_AUDIENCE: 'a',
      PITCHPOINT_TENANTS: undefined,
      PITCHPOINT_JWKS_URI: undefined,
    },
    { log: silentLog },
  );
  const plain = /^[^\p{Cc}\p{Surrogate}\u2028-\u202e\u2066-\u2069]*$/u;
  fc.assert(
    fc.property(body, headers, fc.array(text, { minLength: 5, maxLength: 5 }), (content, more, names) => {
      const [id, topic, sub, tenant, at] = names;
      const given = Object.fromEntries([
        ...more.map(([name, of]) => [name.toLowerCase(), of]),
        ['x-pps-webhook-id', id],
        ['x-pps-topic', topic],
        ['x-pps-sub-topic', sub],
        ['x-pps-tenant-id', tenant],
        ['x-pps-triggered-at', at],
        ['authorization', 'Bearer the-token'],
      ]) as Record<string, string>;
      const raw = { body: content, headers: given };
      return [source, named].every((by) => {
        const made = makeDelivery('petstore', raw, by.identify(raw, undefined), new Date());
        const bytes = Buffer.from(made.rawBody, made.encoding ?? 'utf8');
        const short = [made.id, made.topic, made.subTopic, made.tenantId, made.triggeredAt];
        return (
          bytes.equals(content) &&
          made.id !== '' &&
          short.every((name) => name === null || (name.length <= 256 && plain.test(name))) &&
          !JSON.stringify(made.headers).includes('the-token')
        );
      });
    }),
    draws(RUNS),
  );
  t.equal((Object.prototype as { polluted?: boolean }).polluted, undefined);
  t.pass('bodies to the byte, names that fit into a log line');
});

void t.test('addresses', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), text, nearly('0123456789abcdef:.%/', 50)), (address) => {
      return /^[\da-f.:/]{3,30}$|^unknown$/.test(addressKey(address));
    }),
    draws(RUNS),
  );
  t.pass('short, and of a small alphabet');
});
