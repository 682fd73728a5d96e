/** Deliveries of PCE: SNS messages, and what was made of them. */
import * as fc from 'fast-check';
import { text, value, whole, type Headers } from '../hostile.js';
import type { World } from '../world.js';
import { post } from './post.js';

export function pce(world: World) {
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
