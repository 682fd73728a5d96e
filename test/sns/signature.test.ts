import t from 'tap';
import { Certificates } from '../../lib/sns/certificates.js';
import { parseMessage } from '../../lib/sns/message.js';
import { SnsVerifier } from '../../lib/sns/signature.js';
import {
  bodyOf,
  confirmation,
  guideString,
  makeSigner,
  notification,
  serve,
  serveText,
  signed,
  startSigning,
  TOPIC,
  type Fields,
} from './support.js';

const { signer, stranger, origin, url } = await startSigning();
const trustedOrigins = new Set([origin]);
const verifier = new SnsVerifier({
  topicArns: ['arn:aws:sns:x:1:other', TOPIC],
  certificates: new Certificates({ trustedOrigins }),
});

async function verify(fields: Fields, by: SnsVerifier = verifier) {
  const parsed = parseMessage(bodyOf(fields));
  return parsed.ok ? by.verify(parsed.message) : parsed;
}

for (const version of ['1', '2'] as const) {
  void t.test(`messages signed by openssl, version ${version}`, async (t) => {
    const good: Record<string, Fields> = {
      notification: notification(),
      confirmation: confirmation(),
      unsubscribe: confirmation({ Type: 'UnsubscribeConfirmation' }),
      'without a subject': notification({ Subject: undefined }),
      'with an empty subject': notification({ Subject: '' }),
      'without a MessageId': notification({ MessageId: undefined }),
      'an empty message': notification({ Message: '' }),
      multibyte: notification({ Message: 'Zürich € 日本 😀 \u2028 \u0000 "\\"', Subject: 'é' }),
      'several lines': notification({ Message: 'a\n\nMessageId\nb\r\n\nSubject\nc\n' }),
      large: notification({ Message: 'ä'.repeat(200_000) }),
    };
    for (const [name, fields] of Object.entries(good)) {
      t.same(await verify(signed(signer, url, fields, version)), { ok: true }, name);
    }
  });

  void t.test(`every signed field is, version ${version}`, async (t) => {
    for (const fields of [
      notification(),
      confirmation(),
      confirmation({ Type: 'UnsubscribeConfirmation' }),
    ]) {
      const message = signed(signer, url, fields, version);
      const keys = guideString(fields).match(/^[A-Z]\w+$/gm) ?? [];
      for (const key of keys.filter((key) => key in fields && key !== 'TopicArn' && key !== 'Type')) {
        const genuine = String(message[key]);
        for (const value of [`${genuine} `, genuine.slice(1), '']) {
          const verdict = await verify({ ...message, [key]: value });
          t.match(verdict, { ok: false, cause: 'bad-signature' }, `${key}: ${value}`);
        }
      }
    }
    const message = signed(signer, url, notification(), version);
    t.match(await verify({ ...message, TopicArn: 'arn:aws:sns:x:1:other' }), {
      ok: false,
      cause: 'bad-signature',
    });
    t.match(await verify({ ...message, Subject: undefined }), { ok: false, cause: 'bad-signature' });
    const confirm = signed(signer, url, confirmation(), version);
    t.match(await verify({ ...confirm, Type: 'UnsubscribeConfirmation' }), {
      ok: false,
      cause: 'bad-signature',
    });
    t.match(await verify({ ...confirm, Type: 'Notification' }), { ok: false, cause: 'bad-signature' });
  });
}

void t.test('what is not signed makes no difference', async (t) => {
  const message = signed(signer, url, notification());
  t.same(await verify({ ...message, UnsubscribeURL: 'x', MessageAttributes: {}, extra: 1 }), { ok: true });
});

void t.test('signatures that are none', async (t) => {
  const message = signed(signer, url, notification());
  const good = String(message.Signature);
  const other = Buffer.from(good, 'base64');
  other.writeUInt8(other.readUInt8(10) ^ 1, 10);
  const bad: Record<string, string> = {
    'one bit': other.toString('base64'),
    'no base64': '*'.repeat(344),
    'without padding': good.replace(/=+$/, ''),
    'more padding': `${good}====`,
    'white space within': `${good.slice(0, 76)}\n${good.slice(76)}`,
    'URL-safe letters': `-_${good.slice(2)}`,
    'too short': good.slice(0, 4),
    'too long': Buffer.alloc(300, 1).toString('base64'),
    'without end': 'A'.repeat(1_000_000),
    'the key of a stranger': stranger.sign(guideString(notification())),
    'the last newline left out': signer.sign(guideString(notification()).slice(0, -1)),
    'the wrong hash': signer.sign(guideString(notification()), '2'),
  };
  for (const [name, Signature] of Object.entries(bad)) {
    t.match(await verify({ ...message, Signature }), { ok: false, cause: 'bad-signature' }, name);
  }
});

void t.test('a version says which hash, and cannot be left to the sender', async (t) => {
  const message = signed(signer, url, notification(), '2');
  t.match(await verify({ ...message, SignatureVersion: '1' }), { ok: false, cause: 'bad-signature' });
  for (const SignatureVersion of [undefined, null, '', '0', '3', '1 ', '01', 'sha1', '__proto__']) {
    t.match(
      await verify({ ...message, SignatureVersion }),
      { ok: false, cause: 'unknown-version' },
      `${SignatureVersion}`,
    );
  }
  t.match(await verify({ ...message, SignatureVersion: 2 }), { ok: false, cause: 'not-sns' });
});

void t.test('what is missing is said', async (t) => {
  const message = signed(signer, url, notification());
  for (const key of ['Signature', 'SigningCertURL']) {
    for (const value of [undefined, null, '']) {
      t.match(
        await verify({ ...message, [key]: value }),
        { ok: false, cause: 'missing-signature' },
        `${key}: ${value}`,
      );
    }
  }
});

void t.test('a topic that is not ours is refused before anything is fetched', async (t) => {
  const elsewhere = await serveText(signer.pem);
  const certificates = new Certificates({ trustedOrigins: new Set([elsewhere.origin]) });
  const careful = new SnsVerifier({ topicArns: [TOPIC], certificates });
  const fields = (TopicArn: string) =>
    signed(signer, `${elsewhere.origin}/cert.pem`, notification({ TopicArn }));
  for (const arn of [`${TOPIC}x`, TOPIC.slice(0, -1), TOPIC.toUpperCase(), ` ${TOPIC}`, '', '*']) {
    t.match(await verify(fields(arn), careful), { ok: false, cause: 'topic-not-allowed' }, arn);
  }
  t.match(await verify({ ...fields(TOPIC), SignatureVersion: '3' }, careful), { ok: false });
  t.match(await verify({ ...fields(TOPIC), Signature: '*' }, careful), { ok: false });
  t.same(elsewhere.requests, []);
  t.same(await verify(fields(TOPIC), careful), { ok: true });
});

void t.test('the certificate decides', async (t) => {
  const message = signed(signer, url, notification());
  const foreign = { ...message, SigningCertURL: 'https://evil.com/SimpleNotificationService-0.pem' };
  t.match(await verify(foreign), { ok: false, cause: 'certificate-url' });
  const curve = await serveText(makeSigner({ key: 'ec' }).pem);
  const certificates = new Certificates({ trustedOrigins: new Set([curve.origin]) });
  const verdict = await verify(
    { ...message, SigningCertURL: `${curve.origin}/cert.pem` },
    new SnsVerifier({ topicArns: [TOPIC], certificates }),
  );
  t.match(verdict, { ok: false, cause: 'certificate' });
});

void t.test('a captured message cannot be read in another way', async (t) => {
  const captured = [
    notification({ Message: 'a', Subject: 's' }),
    notification({ Message: 'a', Subject: undefined }),
    notification({ Message: 'a\nMessageId\nfake\nSubject\nfake', Subject: undefined }),
    notification({ Message: 'a\nMessageId\nfake\nSubject\nfake', Subject: 's' }),
    notification({ Message: 'a', MessageId: undefined, Subject: 's' }),
    notification({ Message: 'MessageId\nfake', MessageId: 'i', Subject: undefined }),
    confirmation({ Message: 'a' }),
    confirmation({ Message: 'a\nMessageId\nfake\nSubscribeURL\nhttps://evil.com/' }),
  ];
  for (const fields of captured) {
    const message = signed(signer, url, fields);
    t.same(await verify(message), { ok: true }, 'the genuine one verifies');
    const others = readings(guideString(fields), String(fields.Type)).filter(
      (other) => !sameFields(other, fields),
    );
    t.ok(others.length > 0, `${others.length} other readings of the text that was signed`);
    for (const other of others) {
      const { Signature, SignatureVersion } = message;
      t.equal(guideString(other), guideString(fields), 'the text is the same');
      const verdict = await verify({ ...other, Signature, SignatureVersion, SigningCertURL: url });
      t.equal(verdict.ok, false, JSON.stringify(other));
    }
  }
});

/** Every way to cut the signed text into the fields of its type, in order, the optional ones there or not. */
function readings(text: string, type: string): Fields[] {
  const keys =
    type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const cut = (rest: string, from: number): Fields[] => {
    if (from === keys.length) return rest === '' ? [{}] : [];
    const key = keys[from] ?? '';
    const without = ['MessageId', 'Subject'].includes(key) ? cut(rest, from + 1) : [];
    if (!rest.startsWith(`${key}\n`)) return without;
    const value = rest.slice(key.length + 1);
    const found: Fields[] = [];
    for (let end = value.indexOf('\n'); end >= 0; end = value.indexOf('\n', end + 1)) {
      for (const tail of cut(value.slice(end + 1), from + 1))
        found.push({ [key]: value.slice(0, end), ...tail });
    }
    return [...without, ...found];
  };
  return cut(text, 0);
}

function sameFields(one: Fields, other: Fields): boolean {
  return ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn'].every(
    (key) => one[key] === other[key],
  );
}

void t.test('age is looked at only where it is asked for', async (t) => {
  const sentAt = Date.parse('2026-04-25T21:49:25.719Z');
  let now = sentAt;
  const certificates = new Certificates({ trustedOrigins });
  const strict = new SnsVerifier({ topicArns: [TOPIC], certificates, maxAgeMs: 3_600_000, now: () => now });
  const lax = new SnsVerifier({ topicArns: [TOPIC], certificates, now: () => now });
  const message = signed(signer, url, notification());
  for (const [age, fresh] of [
    [0, true],
    [3_600_000, true],
    [3_600_001, false],
    [-300_000, true],
    [-300_001, false],
  ] as const) {
    now = sentAt + age;
    t.match(
      await verify(message, strict),
      fresh ? { ok: true } : { ok: false, cause: 'stale-message' },
      `${age}`,
    );
    t.same(await verify(message, lax), { ok: true });
  }
  now = sentAt;
  t.match(await verify(signed(signer, url, notification({ Timestamp: 'x' })), strict), {
    cause: 'stale-message',
  });
  now = sentAt + 3_600_001;
  t.match(
    await verify({ ...message, Subject: 'x' }, strict),
    { cause: 'bad-signature' },
    'a forgery is not merely old',
  );
});

void t.test('a key that was replaced under the same URL is found without a restart', async (t) => {
  let pem = signer.pem;
  const changing = await serve((_request, response) => response.end(pem));
  let now = Date.now();
  const certificates = new Certificates({ trustedOrigins: new Set([changing.origin]), now: () => now });
  const own = new SnsVerifier({ topicArns: [TOPIC], certificates });
  const at = `${changing.origin}/cert.pem`;
  t.same(await verify(signed(signer, at, notification()), own), { ok: true });
  pem = stranger.pem;
  now += 60_000;
  t.same(await verify(signed(stranger, at, notification()), own), { ok: true });
  t.match(await verify(signed(signer, at, notification()), own), { ok: false, cause: 'bad-signature' });
  t.equal(changing.requests.length, 2);
});

void t.test('a certificate that verified a message outlives those that forgers name', async (t) => {
  const crowd = await serveText(signer.pem);
  const certificates = new Certificates({ trustedOrigins: new Set([crowd.origin]) });
  const own = new SnsVerifier({ topicArns: [TOPIC], certificates });
  const genuine = signed(signer, `${crowd.origin}/genuine.pem`, notification());
  t.same(await verify(genuine, own), { ok: true });
  for (let n = 0; n < 25; n++) {
    const forged = { ...genuine, Subject: 'forged', SigningCertURL: `${crowd.origin}/${n}.pem` };
    t.match(await verify(forged, own), { ok: false, cause: 'bad-signature' });
  }
  t.same(await verify(genuine, own), { ok: true });
  t.equal(crowd.requests.filter((path) => path === '/genuine.pem').length, 1);
});
