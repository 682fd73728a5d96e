/** Properties of what reads SNS messages and URLs that strangers write, for inputs that nobody thought of. */
import * as fc from 'fast-check';
import t from 'tap';
import { checkCertificateUrl, isSubscribeUrl } from '../../lib/sns/certificate-url.js';
import { parseMessage, stringToSign, type SnsMessage } from '../../lib/sns/message.js';
import { body, text, value, nearly } from './hostile.js';
import { draws, seed } from './seed.js';

t.comment(`FUZZ_SEED=${seed}`);
const RUNS = 2_000;

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
