import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import {
  pceSamples,
  pceSubscriptionConfirmation,
  pceUnsubscribeConfirmation,
} from '../../senders/samples/pce.js';

const [changed, notice] = pceSamples;
if (!changed || !notice) throw new Error('A sample is missing.');

const parse = (body: Buffer): Record<string, string> => JSON.parse(body.toString()) as Record<string, string>;

void t.test('notifications', async (t) => {
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:orders';
  const sender = await startPceSender({ topicArn });
  t.teardown(() => sender.close());
  t.same(sender.environment, { PCE_TOPIC_ARNS: topicArn, PCE_TRUSTED_ORIGINS: sender.origin });

  const request = await sender.request(changed);
  t.match(request, { path: '/webhooks/pce', method: 'POST', topic: 'OrderStatusChanged' });
  const message = parse(request.body);
  t.match(message, {
    Type: 'Notification',
    MessageId: request.id,
    TopicArn: topicArn,
    Timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    SignatureVersion: '1',
    UnsubscribeURL: new RegExp(`^${sender.origin}/\\?Action=Unsubscribe&SubscriptionArn=arn`),
  });
  t.same(JSON.parse(message['Message'] ?? ''), changed.data);
  t.notOk('Subject' in message, 'no Subject where there is none');
  t.match(request.headers, {
    'Content-Type': 'text/plain; charset=UTF-8',
    'x-amz-sns-message-type': 'Notification',
    'x-amz-sns-message-id': request.id,
    'x-amz-sns-topic-arn': topicArn,
    'x-amz-sns-subscription-arn': new RegExp(`^${topicArn}:`),
  });
  t.notOk('Authorization' in request.headers);
  t.not((await sender.request(changed)).id, request.id, 'every request has an id of its own');

  const text = parse((await sender.request(notice)).body);
  t.equal(text['Message'], notice.data, 'text stays text');
  t.equal(text['Subject'], notice.topic);

  const other = await sender.request(notice, { id: 'm-1', data: { event: 'x' }, topicArn: `${topicArn}-2` });
  t.equal(other.id, 'm-1');
  t.match(parse(other.body), { MessageId: 'm-1', Message: '{"event":"x"}', TopicArn: `${topicArn}-2` });
});

void t.test('both legs of an authenticated delivery are the same message', async (t) => {
  const sender = await startPceSender({ basic: { user: 'hook', password: 'pässword:1' } });
  t.teardown(() => sender.close());
  t.match(sender.environment, { PCE_BASIC_USER: 'hook', PCE_BASIC_PASSWORD: 'pässword:1' });

  const fixed = { id: 'm-1', triggeredAt: '2025-01-06T12:00:00.000Z' };
  for (const sample of [changed, pceSubscriptionConfirmation]) {
    const first = await sender.request(sample, { ...fixed, authenticated: false });
    const second = await sender.request(sample, { ...fixed, authenticated: true });
    t.notOk('Authorization' in first.headers);
    t.equal(second.headers['Authorization'], `Basic ${Buffer.from('hook:pässword:1').toString('base64')}`);
    t.same(second.body, first.body);
  }
  t.ok(
    'Authorization' in (await sender.request(changed)).headers,
    'credentials are sent unless told otherwise',
  );
});

void t.test('a subscription is confirmed by its SubscribeURL', async (t) => {
  const sender = await startPceSender();
  t.teardown(() => sender.close());
  const request = await sender.request(pceSubscriptionConfirmation);
  t.equal(request.headers['x-amz-sns-message-type'], 'SubscriptionConfirmation');
  t.notOk('x-amz-sns-subscription-arn' in request.headers);
  const { SubscribeURL = '', Token = '', TopicArn, Message } = parse(request.body);
  t.match(Message, /^You have chosen to subscribe to the topic arn/);
  t.equal(TopicArn, sender.topicArn);
  t.same(sender.confirmations, [], 'nothing yet');

  const answer = await fetch(SubscribeURL);
  t.equal(answer.status, 200);
  t.match(answer.headers.get('content-type'), 'text/xml');
  const xml = await answer.text();
  t.match(xml, /^<ConfirmSubscriptionResponse xmlns="http:\/\/sns\.amazonaws\.com\/doc\/2010-03-31\/">/);
  t.match(xml, `<SubscriptionArn>${sender.topicArn}:`);
  t.same(sender.confirmations, [{ topicArn: sender.topicArn, token: Token }]);

  const unsubscribed = await sender.request(pceUnsubscribeConfirmation);
  t.match(parse(unsubscribed.body), { Type: 'UnsubscribeConfirmation', Token: String, SubscribeURL: String });
  t.ok('x-amz-sns-subscription-arn' in unsubscribed.headers);

  for (const change of [{ Token: 'guessed' }, { TopicArn: 'arn:aws:sns:us-east-1:1:other' }]) {
    const url = new URL(SubscribeURL);
    for (const [name, value] of Object.entries(change)) url.searchParams.set(name, value);
    const refused = await fetch(url);
    t.equal(refused.status, 400);
    t.match(await refused.text(), '<Code>InvalidParameter</Code>');
  }
  t.equal((await fetch(`${sender.origin}/?Action=Unsubscribe`)).status, 404);
  t.equal((await fetch(`${sender.origin}/SimpleNotificationService-00.pem`)).status, 404);
  t.equal(sender.confirmations.length, 1);
});

void t.test('close ends the server, twice if asked', async (t) => {
  const sender = await startPceSender();
  await sender.close();
  await sender.close();
  await t.rejects(fetch(sender.origin));
});
