/** PCE's handshake over Basic auth, in two legs, and the other messages of SNS itself. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { makeCertificate, makeRsaKey, signSns, startTinyServer, type SnsFields } from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const ARN = 'arn:aws:sns:us-east-1:123456789012:pce-events';
const FILE = '/SimpleNotificationService-abc.pem';
const CREDENTIALS = `Basic ${Buffer.from('pce:s3cret:with:colons-é').toString('base64')}`;
const CHALLENGE = 'Basic realm="hookline"';

const store = await openStore(t);

async function start(t: Test) {
  const [server, key] = await Promise.all([startTinyServer(t), makeRsaKey(t)]);
  server.answers[FILE] = makeCertificate(key);
  server.answers['/confirm'] = '<ConfirmSubscriptionResponse/>';
  const { address, lines } = await startTestService(t, store, {
    PCE_TOPIC_ARNS: ARN,
    PCE_TRUSTED_ORIGINS: server.origin,
    PCE_BASIC_USER: 'pce',
    SHUTDOWN_TIMEOUT: '100ms',
    PCE_BASIC_PASSWORD: 's3cret:with:colons-é',
  });
  const send = async (message: object, authorization?: string) => {
    const answer = await fetch(`${address}/webhooks/pce`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify(message),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    return { httpStatus: answer.status, challenge: answer.headers.get('www-authenticate'), ...body };
  };
  const sign = (fields: SnsFields) => signSns(key, server.origin + FILE, fields);
  const handshake = (token: string): SnsFields => ({
    Type: 'SubscriptionConfirmation',
    MessageId: randomUUID(),
    Token: token,
    TopicArn: ARN,
    Message: 'You have chosen to subscribe.\nTo confirm, visit the SubscribeURL.',
    SubscribeURL: `${server.origin}/confirm?Token=${token}`,
    Timestamp: '2025-01-06T16:20:11.284Z',
  });
  const confirmations = () => server.requests.filter((url) => url.startsWith('/confirm'));
  return { address, lines, send, sign, handshake, confirmations };
}

void t.test('both legs', async (t) => {
  const { address, lines, send, sign, handshake, confirmations } = await start(t);
  const fields = handshake('token-of-the-first');
  const message = sign(fields);
  const id = String(fields['MessageId']);

  t.match(await send(message), {
    httpStatus: 401,
    challenge: CHALLENGE,
    code: 'HKL_ERR_UNAUTHORIZED',
  });
  await until('the confirmation to be fetched', () => confirmations().length > 0);
  t.same(confirmations(), ['/confirm?Token=token-of-the-first'], 'confirmed by the first leg alone');
  t.equal(await lookUp(address, 'pce', id), undefined, 'and the id is still free');

  t.match(await send(message, CREDENTIALS), { httpStatus: 200, status: 'accepted', source: 'pce', id });
  t.match(await untilState(address, 'pce', id), { state: 'completed', topic: 'SubscriptionConfirmation' });
  t.match(await send(message, CREDENTIALS), { httpStatus: 200, status: 'duplicate', id });
  t.match(await send(message), { httpStatus: 401, challenge: CHALLENGE }, 'the first leg again');

  const log = JSON.stringify(lines);
  t.notMatch(log, /token-of-the-first|s3cret/, 'neither token nor password is logged');
});

void t.test('a first leg that was not signed well confirms nothing', async (t) => {
  const { send, sign, handshake, confirmations } = await start(t);
  const message = sign(handshake('forged'));
  const forged = { ...message, SubscribeURL: message['SubscribeURL']?.replace('forged', 'other') };
  t.match(await send(forged), { httpStatus: 401, challenge: CHALLENGE });
  t.match(await send(forged, CREDENTIALS), { httpStatus: 403, challenge: null });

  const genuine = sign(handshake('genuine'));
  await send(genuine, CREDENTIALS);
  await until('the genuine one to be confirmed', () => confirmations().length > 0);
  t.same(confirmations(), ['/confirm?Token=genuine']);
});

void t.test('a notification needs the credentials', async (t) => {
  const { address, send, sign } = await start(t);
  const id = randomUUID();
  const message = sign({
    Type: 'Notification',
    MessageId: id,
    TopicArn: ARN,
    Message: '{"event":"Settled"}',
    Timestamp: '2025-01-06T16:20:11.284Z',
  });
  const wrong = ['pce:wrong', 'other:s3cret:with:colons-é', 'pce:s3cret', 'pce', ':', ''].map(
    (text) => `Basic ${Buffer.from(text).toString('base64')}`,
  );
  for (const authorization of [undefined, ...wrong, 'Basic', 'Basic ***', `Bearer ${CREDENTIALS.slice(6)}`]) {
    const refused = await send(message, authorization);
    t.match(refused, { httpStatus: 401, challenge: CHALLENGE, code: 'HKL_ERR_UNAUTHORIZED' });
  }
  t.equal(await lookUp(address, 'pce', id), undefined, 'nothing is stored');
  t.match(await send(message, CREDENTIALS.replace('Basic', 'basic')), {
    httpStatus: 200,
    status: 'accepted',
  });
  t.match(await untilState(address, 'pce', id), { state: 'completed', topic: 'Settled' });
});

void t.test('UnsubscribeConfirmation is accepted and logged loudly', async (t) => {
  const { address, lines, send, sign, handshake, confirmations } = await start(t);
  const fields: SnsFields = { ...handshake('goodbye'), Type: 'UnsubscribeConfirmation' };
  t.match(await send(sign(fields), CREDENTIALS), { httpStatus: 200, status: 'accepted' });
  t.match(await untilState(address, 'pce', String(fields['MessageId'])), { state: 'completed' });
  const loud = lines.filter(({ level, msg }) => Number(level) >= 40 && /UNSUBSCRIBED/.test(String(msg)));
  t.match(loud, [{ topicArn: ARN }]);
  t.same(confirmations(), [], 'which would subscribe again');
  t.notMatch(JSON.stringify(lines), /goodbye/);
});

void t.test('a topic of its own, else its subject, else the name of the SNS topic', async (t) => {
  const { address, send, sign } = await start(t);
  const cases: Array<[fields: SnsFields, topic: string]> = [
    [{ Message: '{"eventType":"A","event":"B","type":"C"}', Subject: 'S' }, 'A'],
    [{ Message: '{"event":"B","type":"C"}' }, 'B'],
    [{ Message: '{"type":"C"}', Subject: 'S' }, 'C'],
    [{ Message: 'text', Subject: 'S' }, 'S'],
    [{ Message: 'text' }, 'pce-events'],
  ];
  for (const [fields, topic] of cases) {
    const id = randomUUID();
    const common = { Type: 'Notification', MessageId: id, TopicArn: ARN, Timestamp: '2025-01-06T16:20:11Z' };
    t.match(await send(sign({ ...common, ...fields }), CREDENTIALS), { httpStatus: 200 });
    t.match(await untilState(address, 'pce', id), { topic, state: 'completed' });
  }
});
