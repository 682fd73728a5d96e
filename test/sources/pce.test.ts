import t from 'tap';
import { z } from 'zod';
import { CREDENTIALS_PROBE } from '../../lib/doctor/test-event.js';
import { silentLog } from '../../lib/log.js';
import type { RawDelivery, Source } from '../../lib/source.js';
import { startPceSender } from '../../senders/pce.js';
import {
  pceSamples,
  pceSubscriptionConfirmation,
  pceUnsubscribeConfirmation,
} from '../../senders/samples/pce.js';
import pce from '../../sources/pce.js';
import {
  bodyOf,
  confirmation,
  notification,
  serve,
  serveText,
  signed,
  startSigning,
  TOPIC,
  type Fields,
} from '../sns/support.js';

const { signer, stranger, origin, url } = await startSigning();
const PLAIN = { PCE_TOPIC_ARNS: TOPIC, PCE_TRUSTED_ORIGINS: origin };
const BASIC = { ...PLAIN, PCE_BASIC_USER: 'pce', PCE_BASIC_PASSWORD: 'pa:ss wörd' };
const schema = z.object(pce.settings);

function sourceOf(environment: Record<string, string>): Source<never> {
  return pce.create(schema.parse(environment), { log: silentLog }) as Source<never>;
}

function deliveryOf(body: Fields | Buffer, authorization?: string): RawDelivery {
  const content = Buffer.isBuffer(body) ? body : bodyOf(body);
  return { body: content, headers: { 'content-type': 'text/plain; charset=UTF-8', authorization } };
}

function basic(text: string, scheme = 'Basic'): string {
  return `${scheme} ${Buffer.from(text).toString('base64')}`;
}

const RIGHT = basic('pce:pa:ss wörd');

/** What the source makes of an authentic delivery. */
async function identify(fields: Fields, source = sourceOf(PLAIN)) {
  const delivery = deliveryOf(signed(signer, url, fields));
  const verdict = await source.authenticate(delivery);
  if (!verdict.ok) throw new Error(`refused: ${verdict.cause}`);
  return source.identify(delivery, verdict.proof);
}

void t.test('settings', async (t) => {
  t.equal(pce.name, 'pce');
  t.equal(pce.enabled(schema.parse({})), false);
  t.equal(pce.enabled(schema.parse({ PCE_TOPIC_ARNS: ' , ' })), false);
  const settings = schema.parse({
    PCE_TOPIC_ARNS: ` ${TOPIC} ,arn:aws:sns:x:1:b,`,
    PCE_TRUSTED_ORIGINS: 'http://127.0.0.1:4000/, https://X.test',
  });
  t.equal(pce.enabled(settings), true);
  t.same(settings.PCE_TOPIC_ARNS, [TOPIC, 'arn:aws:sns:x:1:b']);
  t.same(settings.PCE_TRUSTED_ORIGINS, ['http://127.0.0.1:4000', 'https://x.test']);
  const wrong: Array<[variable: string, value: string]> = [
    ['PCE_TOPIC_ARNS', 'pce-events'],
    ['PCE_TOPIC_ARNS', `${TOPIC} ${TOPIC}`],
    ['PCE_BASIC_USER', 'a:b'],
    ['PCE_TRUSTED_ORIGINS', 'http://127.0.0.1:4000/path'],
    ['PCE_TRUSTED_ORIGINS', 'http://ok.test, sns.example.com'],
    ['PCE_TRUSTED_ORIGINS', 'file:///tmp'],
  ];
  for (const [variable, value] of wrong) {
    const result = schema.safeParse({ [variable]: value });
    t.match(result.error?.issues, [{ path: [variable], message: /^expected / }], `${variable}=${value}`);
  }
  t.match(pce.check?.(schema.parse({ PCE_BASIC_USER: 'x' })), [['PCE_BASIC_PASSWORD', /^expected/]]);
  t.match(pce.check?.(schema.parse({ PCE_BASIC_PASSWORD: 'x' })), [['PCE_BASIC_USER', /^expected/]]);
  t.same(pce.check?.(schema.parse(BASIC)), []);
  t.same(pce.check?.(schema.parse(PLAIN)), []);
});

/** name → body and the cause of its refusal; `undefined`: it is authentic. */
function deliveries(): Record<string, [body: Fields | Buffer, cause: string | undefined]> {
  const good = signed(signer, url, notification());
  const handshake = signed(signer, url, confirmation(), '2');
  return {
    'a notification, version 1': [good, undefined],
    'a notification, version 2': [signed(signer, url, notification(), '2'), undefined],
    'a confirmation': [handshake, undefined],
    'an unsubscription': [signed(signer, url, confirmation({ Type: 'UnsubscribeConfirmation' })), undefined],
    'a notification of no JSON': [
      signed(signer, url, notification({ Message: 'Grüße\nan alle' })),
      undefined,
    ],
    'an empty message': [signed(signer, url, notification({ Message: '' })), undefined],
    'an old message': [
      signed(signer, url, notification({ Timestamp: '2001-01-01T00:00:00.000Z' })),
      undefined,
    ],
    'a date of no date': [signed(signer, url, notification({ Timestamp: 'yesterday' })), undefined],
    'a tampered notification': [
      { ...good, Message: '{"eventType":"PAYMENT_SETTLED","amount":13}' },
      'bad-signature',
    ],
    'a tampered confirmation': [{ ...handshake, SubscribeURL: `${origin}/evil` }, 'bad-signature'],
    'a stranger': [signed(stranger, url, notification()), 'bad-signature'],
    'another topic': [signed(signer, url, notification({ TopicArn: `${TOPIC}-2` })), 'topic-not-allowed'],
    'another topic to confirm': [
      signed(signer, url, confirmation({ TopicArn: `${TOPIC}-2` })),
      'topic-not-allowed',
    ],
    'no signature': [notification(), 'missing-signature'],
    'version 3': [{ ...good, SignatureVersion: '3' }, 'unknown-version'],
    'a certificate elsewhere': [
      { ...good, SigningCertURL: 'https://sns.s3.amazonaws.com/x.pem' },
      'certificate-url',
    ],
    'raw delivery': [{ eventType: 'PAYMENT_SETTLED' }, 'not-sns'],
    'no JSON': [Buffer.from('hello'), 'not-sns'],
    'no UTF-8': [Buffer.from([0xff, 0x7b, 0x7d]), 'not-sns'],
    nothing: [Buffer.alloc(0), 'not-sns'],
  };
}

void t.test('without Basic: authentic, or 403', async (t) => {
  const source = sourceOf(PLAIN);
  for (const [name, [body, cause]] of Object.entries(deliveries())) {
    for (const authorization of [undefined, RIGHT]) {
      const verdict = await source.authenticate(deliveryOf(body, authorization));
      t.match(verdict, cause ? { ok: false, status: 403, cause } : { ok: true }, name);
      t.notOk('challenge' in verdict || 'queueAnyway' in verdict, `${name}: no challenge`);
    }
  }
});

void t.test('raw delivery: the operator is told what to do', async (t) => {
  const verdict = await sourceOf(PLAIN).authenticate(deliveryOf({ eventType: 'PAYMENT_SETTLED' }));
  t.match(verdict, { ok: false, detail: /raw message delivery.*turn it off/ });
});

void t.test('with Basic and the right credentials: as without', async (t) => {
  const source = sourceOf(BASIC);
  for (const authorization of [RIGHT, basic('pce:pa:ss wörd', 'basic'), basic('pce:pa:ss wörd', 'BASIC ')]) {
    for (const [name, [body, cause]] of Object.entries(deliveries())) {
      const verdict = await source.authenticate(deliveryOf(body, authorization));
      t.match(verdict, cause ? { ok: false, status: 403, cause } : { ok: true }, name);
      t.notOk('challenge' in verdict || 'queueAnyway' in verdict, `${name}: no challenge`);
    }
  }
});

void t.test(
  'doctor’s probe is refused like what is not from SNS, and is no sign of anything wrong',
  async (t) => {
    const probe = Buffer.from(CREDENTIALS_PROBE);
    const verdict = async (environment: Record<string, string>, authorization?: string) =>
      sourceOf(environment).authenticate(deliveryOf(probe, authorization));
    t.match(await verdict(BASIC, RIGHT), { ok: false, status: 403, cause: 'doctor', expected: true });
    t.match(await verdict(BASIC, basic('pce:wrong')), { ok: false, status: 401, cause: 'credentials-wrong' });
    const anybody = await verdict(PLAIN);
    t.match(anybody, { ok: false, status: 403, cause: 'not-sns' }, 'without Basic anybody could send it');
    t.notOk('expected' in anybody, 'so that it counts');
  },
);

void t.test('with Basic and without the right credentials: 401, and confirmed all the same', async (t) => {
  const source = sourceOf(BASIC);
  const wrong: Array<[authorization: string | undefined, cause: string]> = [
    [undefined, 'credentials-missing'],
    ['', 'credentials-wrong'],
    ['Basic', 'credentials-wrong'],
    ['Basic ***', 'credentials-wrong'],
    [basic('pce:wrong'), 'credentials-wrong'],
    [basic('pce:pa:ss wörd '), 'credentials-wrong'],
    [basic('pce'), 'credentials-wrong'],
    [basic(':'), 'credentials-wrong'],
    [basic('pa:ss wörd:pce'), 'credentials-wrong'],
    [basic('pce:pa:ss wörd', 'Bearer'), 'credentials-wrong'],
    [`${RIGHT}, ${RIGHT}`, 'credentials-wrong'],
  ];
  for (const [authorization, cause] of wrong) {
    for (const [name, [body]] of Object.entries(deliveries())) {
      const verdict = await source.authenticate(deliveryOf(body, authorization));
      t.match(
        verdict,
        { ok: false, status: 401, cause, challenge: 'Basic realm="hookline"' },
        `${name}: ${authorization}`,
      );
      t.equal('queueAnyway' in verdict, name === 'a confirmation', `${name}: ${authorization}`);
      t.notMatch(JSON.stringify(verdict), 'pa:ss', 'the refusal holds no secret');
    }
  }
});

void t.test(
  'without credentials nothing is fetched, save for what looks like a handshake for us',
  async (t) => {
    const own = await serveText(signer.pem);
    const at = `${own.origin}/cert.pem`;
    const source = sourceOf({ ...BASIC, PCE_TRUSTED_ORIGINS: own.origin });
    const large = confirmation({ Message: 'x'.repeat(70_000) });
    const bodies = [
      signed(signer, at, notification()),
      signed(signer, at, notification({ Message: '{"Type":"SubscriptionConfirmation"}' })),
      signed(signer, at, { ...notification(), extra: 'SubscriptionConfirmation' }),
      signed(signer, at, confirmation({ Type: 'UnsubscribeConfirmation' })),
      signed(signer, at, confirmation({ TopicArn: `${TOPIC}-2` })),
      signed(signer, at, large),
    ];
    for (const body of bodies)
      t.match(await source.authenticate(deliveryOf(body)), { ok: false, status: 401 });
    t.same(own.requests, []);
    t.match(await source.authenticate(deliveryOf(signed(signer, at, confirmation()))), { queueAnyway: {} });
    t.equal(own.requests.length, 1);
  },
);

void t.test('half a setting does not open the door', async (t) => {
  const body = signed(signer, url, notification());
  for (const half of [{ PCE_BASIC_USER: 'pce' }, { PCE_BASIC_PASSWORD: 'x' }]) {
    const source = sourceOf({ ...PLAIN, ...half });
    t.match(await source.authenticate(deliveryOf(body)), { ok: false, status: 401 });
  }
});

void t.test('the two legs of the handshake are two events', async (t) => {
  const source = sourceOf(BASIC);
  for (const [MessageId, first, second] of [
    ['m-1', 'm-1.handshake', 'm-1'],
    [undefined, /^[0-9a-f]{64}\.handshake$/, undefined],
  ] as const) {
    const body = signed(signer, url, confirmation({ MessageId }));
    const unauthenticated = await source.authenticate(deliveryOf(body));
    const authenticated = await source.authenticate(deliveryOf(body, RIGHT));
    if (unauthenticated.ok || !unauthenticated.queueAnyway || !authenticated.ok)
      throw new Error('not a handshake');
    const topic = 'SubscriptionConfirmation';
    t.match(source.identify(deliveryOf(body), unauthenticated.queueAnyway.proof), { id: first, topic });
    t.match(source.identify(deliveryOf(body, RIGHT), authenticated.proof), { id: second, topic });
  }
});

void t.test('a certificate that cannot be had is our trouble, not the sender’s', async (t) => {
  const broken = await serve((_request, response) => response.writeHead(500).end());
  const at = `${broken.origin}/cert.pem`;
  const unavailable = { code: 'HKL_ERR_KEYS_UNAVAILABLE', statusCode: 503 };
  const plain = sourceOf({ ...PLAIN, PCE_TRUSTED_ORIGINS: broken.origin });
  await t.rejects(
    async () => plain.authenticate(deliveryOf(signed(signer, at, notification()))),
    unavailable,
  );
  // Not even on the first leg: SNS takes a 401 for delivered, and the confirmation would be lost.
  const guarded = sourceOf({ ...BASIC, PCE_TRUSTED_ORIGINS: broken.origin });
  await t.rejects(
    async () => guarded.authenticate(deliveryOf(signed(signer, at, confirmation()))),
    unavailable,
  );
  t.match(await guarded.authenticate(deliveryOf(signed(signer, at, notification()))), {
    ok: false,
    status: 401,
  });
});

void t.test('what the sender of this repository sends, which shares no code', async (t) => {
  const sender = await startPceSender({ basic: { user: 'pce', password: 'x' } });
  t.teardown(() => sender.close());
  const source = sourceOf(sender.environment);
  for (const sample of [...pceSamples, pceSubscriptionConfirmation, pceUnsubscribeConfirmation]) {
    const request = await sender.request(sample, { authenticated: true });
    const delivery = deliveryOf(request.body, request.headers['Authorization']);
    const verdict = await source.authenticate(delivery);
    if (!verdict.ok) throw new Error(`${sample.topic}: ${verdict.cause}`);
    t.match(source.identify(delivery, verdict.proof), { id: request.id, topic: request.topic });
    for (const tamper of ['body', 'signature', 'token'] as const) {
      const { body, headers } = await sender.request(sample, { authenticated: true, tamper });
      const refused = await source.authenticate(deliveryOf(body, headers['Authorization']));
      t.match(refused, { ok: false, status: 403, cause: 'bad-signature' }, `${sample.topic}, ${tamper}`);
    }
  }
});

void t.test('what a message is', async (t) => {
  t.same(await identify(notification()), {
    id: 'da41e39f-ea4d-435a-b922-c6aae3915ebe',
    topic: 'PAYMENT_SETTLED',
    triggeredAt: '2026-04-25T21:49:25.719Z',
  });
  for (const MessageId of [undefined, null])
    t.match(await identify(notification({ MessageId })), { id: undefined });
  t.match(await identify(confirmation({ Type: 'UnsubscribeConfirmation' })), {
    topic: 'UnsubscribeConfirmation',
  });
});

void t.test('its topic', async (t) => {
  const cases: Array<[fields: Fields, topic: string]> = [
    [{ Message: '{"type":"c","event":"b","eventType":"a"}' }, 'a'],
    [{ Message: '{"type":"c","event":"b","eventType":""}' }, 'b'],
    [{ Message: '{"type":"c","event":{"name":"b"},"eventType":1}' }, 'c'],
    [{ Message: '{"Type":"x"}', Subject: 'subject' }, 'subject'],
    [{ Message: '{"__proto__":{"type":"x"}}', Subject: 'subject' }, 'subject'],
    [{ Message: 'eventType', Subject: 'subject' }, 'subject'],
    [{ Message: '"eventType"', Subject: 'subject' }, 'subject'],
    [{ Message: 'null', Subject: 'subject' }, 'subject'],
    [{ Message: '["type"]', Subject: 'subject' }, 'subject'],
    [{ Message: '{}', Subject: '' }, 'pce-events'],
    [{ Message: '{}', Subject: undefined }, 'pce-events'],
    [{ Message: '', Subject: undefined }, 'pce-events'],
  ];
  for (const [fields, topic] of cases) {
    t.equal((await identify(notification(fields))).topic, topic, JSON.stringify(fields));
  }
});

void t.test('headers that are not signed are not believed', async (t) => {
  const source = sourceOf(PLAIN);
  const delivery = deliveryOf(signed(signer, url, notification()));
  Object.assign(delivery.headers, {
    'x-amz-sns-message-type': 'SubscriptionConfirmation',
    'x-amz-sns-message-id': 'other',
    'x-amz-sns-topic-arn': 'other',
  });
  const verdict = await source.authenticate(delivery);
  if (!verdict.ok) throw new Error('refused');
  t.match(source.identify(delivery, verdict.proof), {
    id: notification().MessageId,
    topic: 'PAYMENT_SETTLED',
  });
});

void t.test('its payload', async (t) => {
  const read = (fields: Fields) => pce.payload?.(JSON.stringify(fields));
  t.same(read(notification()), { eventType: 'PAYMENT_SETTLED', amount: 12 });
  t.equal(read(notification({ Message: 'Grüße\nan alle' })), 'Grüße\nan alle');
  t.equal(read(notification({ Message: '' })), '');
  t.equal(read(notification({ Message: '12' })), 12);
  t.same(read(confirmation()), confirmation());
  t.throws(() => pce.payload?.('{}'), /Not an SNS message/);
});

void t.test('its handlers ask trusted origins only', async (t) => {
  const handlers = pce.handlers?.(schema.parse(PLAIN)) ?? [];
  t.same(
    handlers.map(({ source, topic }) => `${source} ${topic}`),
    ['pce SubscriptionConfirmation', 'pce UnsubscribeConfirmation'],
  );
});
