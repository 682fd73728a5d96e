import t from 'tap';
import { parseMessage, stringToSign } from '../../lib/sns/message.js';
import { bodyOf, confirmation, guideString, notification, type Fields } from './support.js';

function parse(fields: Fields) {
  return parseMessage(bodyOf(fields));
}

function signedText(fields: Fields): string | undefined {
  const parsed = parse(fields);
  return parsed.ok ? stringToSign(parsed.message) : undefined;
}

void t.test('the string to sign is that of the guide, written out', async (t) => {
  t.equal(
    signedText({
      Type: 'Notification',
      Message: 'm',
      MessageId: 'i',
      Subject: 's',
      Timestamp: 't',
      TopicArn: 'a',
    }),
    'Message\nm\nMessageId\ni\nSubject\ns\nTimestamp\nt\nTopicArn\na\nType\nNotification\n',
  );
  t.equal(
    signedText({
      Type: 'UnsubscribeConfirmation',
      Message: 'm',
      MessageId: 'i',
      SubscribeURL: 'u',
      Timestamp: 't',
      Token: 'k',
      TopicArn: 'a',
    }),
    'Message\nm\nMessageId\ni\nSubscribeURL\nu\nTimestamp\nt\nToken\nk\nTopicArn\na\nType\nUnsubscribeConfirmation\n',
  );
});

void t.test('what is absent is not signed, what is empty is', async (t) => {
  for (const Subject of [undefined, null]) {
    t.notMatch(signedText(notification({ Subject })), 'Subject');
  }
  t.match(signedText(notification({ Subject: '' })), '\nSubject\n\nTimestamp\n');
  t.notMatch(signedText(notification({ MessageId: undefined })), 'MessageId');
  t.equal(signedText(notification({ Message: '' })), guideString(notification({ Message: '' })));
  t.equal(
    signedText(notification({ Message: 'ä€😀\r\n\u0000"' })),
    guideString(notification({ Message: 'ä€😀\r\n\u0000"' })),
  );
});

void t.test('members that are not signed for the type are left out of everything', async (t) => {
  t.equal(signedText(notification({ Token: 'x', SubscribeURL: 'y' })), guideString(notification()));
  t.equal(signedText(confirmation({ Subject: 'x' })), guideString(confirmation()));
  const parsed = parse(notification({ Token: 'x', UnsubscribeURL: 'y' }));
  t.ok(parsed.ok && !('Token' in parsed.message) && !('UnsubscribeURL' in parsed.message));
});

void t.test('of members that occur twice, the one that is verified is the one that is used', async (t) => {
  const parsed = parseMessage(
    Buffer.from(JSON.stringify(notification()).replace('{', '{"Message":"first",')),
  );
  t.ok(parsed.ok && parsed.message.Message === notification().Message);
  t.notMatch(parsed.ok && stringToSign(parsed.message), 'first');
});

void t.test('what is not an SNS message', async (t) => {
  const broken = bodyOf(notification({ Message: 'a?b' }));
  broken[broken.indexOf('a?b') + 1] = 0xff;
  t.match(parseMessage(broken), { ok: false, detail: /the body is not UTF-8/ });
  const bodies: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'not UTF-8': Buffer.concat([Buffer.from('{"Type":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    'overlong UTF-8': Buffer.concat([Buffer.from('{"Type":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    'a byte order mark': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bodyOf(notification())]),
    truncated: bodyOf(notification()).subarray(0, -1),
    'JSON null': Buffer.from('null'),
    'a JSON string': Buffer.from('"Notification"'),
    'an array': Buffer.from(`[${JSON.stringify(notification())}]`),
    'raw delivery': Buffer.from('{"eventType":"PAYMENT_SETTLED"}'),
  };
  for (const [name, body] of Object.entries(bodies)) {
    t.match(parseMessage(body), { ok: false, cause: 'not-sns', detail: /raw message delivery/ }, name);
  }
});

void t.test('fields of the wrong form', async (t) => {
  const cases: Fields[] = [
    notification({ Type: 'notification' }),
    notification({ Type: '__proto__' }),
    notification({ Message: { eventType: 'x' } }),
    notification({ Message: undefined }),
    notification({ TopicArn: null }),
    notification({ Timestamp: 1 }),
    notification({ MessageId: 1 }),
    notification({ Subject: ['x'] }),
    confirmation({ Token: undefined }),
    confirmation({ SubscribeURL: undefined }),
  ];
  for (const fields of cases) t.match(parse(fields), { ok: false, cause: 'not-sns' });
});

void t.test('a line break is taken in Message only', async (t) => {
  t.ok(parse(notification({ Message: 'a\nb' })).ok);
  for (const key of ['MessageId', 'Subject', 'Timestamp', 'TopicArn']) {
    t.match(parse(notification({ [key]: 'a\nb' })), {
      ok: false,
      detail: new RegExp(`${key}: holds a line break`),
    });
  }
  for (const key of ['MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn']) {
    t.match(parse(confirmation({ [key]: 'a\nb' })), {
      ok: false,
      detail: new RegExp(`${key}: holds a line break`),
    });
  }
});

void t.test('half a surrogate pair would be signed as U+FFFD', async (t) => {
  const genuine = notification({ Message: 'a\ufffdb' });
  const forged = notification({ Message: 'a\ud800b' });
  t.ok(
    Buffer.from(guideString(genuine)).equals(Buffer.from(guideString(forged))),
    'the same bytes are signed',
  );
  t.ok(parse(genuine).ok);
  t.match(parse(forged), { ok: false, detail: /Message: holds half a surrogate pair/ });
  t.ok(parse(notification({ Message: '😀' })).ok, 'a whole pair is fine');
});

void t.test('no two messages have the same string to sign', async (t) => {
  const seen = new Map<string, string>();
  const clashes: string[] = [];
  let refused = 0;
  for (const fields of trickyNotifications()) {
    const text = signedText(fields);
    if (text === undefined) {
      refused++;
      if (fields.MessageId !== undefined)
        t.fail(`with a MessageId nothing is refused: ${JSON.stringify(fields)}`);
      continue;
    }
    const other = seen.get(text);
    if (other !== undefined) clashes.push(`${other} ${JSON.stringify(fields)}`);
    seen.set(text, JSON.stringify(fields));
  }
  t.same(clashes, []);
  t.ok(refused > 0, 'the search met messages with two readings');
  t.ok(seen.size > 30_000, `${seen.size} messages were compared`);
});

/** Every Message of up to four lines out of those that could be taken for fields, with every MessageId and Subject. */
function* trickyNotifications(): Generator<Fields> {
  const lines = ['', 'a', 'Message', 'MessageId', 'Subject', 'Timestamp'];
  let texts = lines;
  for (let depth = 1; depth <= 4; depth++) {
    for (const Message of texts) {
      for (const MessageId of [undefined, '', 'a', 'MessageId', 'Subject']) {
        for (const Subject of [undefined, '', 'a', 'MessageId', 'Subject']) {
          yield { Type: 'Notification', Message, MessageId, Subject, Timestamp: 'a', TopicArn: 'a' };
        }
      }
    }
    texts = texts.flatMap((text) => lines.map((line) => `${text}\n${line}`));
  }
}
