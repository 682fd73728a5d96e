import t from 'tap';
import { makeDelivery } from '../../lib/delivery.js';
import type { Identity } from '../../lib/source.js';
import petstore from '../../sources/petstore.js';

const HASH = /^sha256-[0-9a-f]{64}$/;
const AT = new Date('2025-01-06T12:00:00.123Z');

function make(identity: Partial<Identity> = {}, body: string | Buffer = '{}', headers = {}) {
  const named = { id: 'id-1', topic: 'topic', ...identity };
  return makeDelivery('acme', { body: Buffer.from(body), headers }, named, AT);
}

/** What Petstore's bodies are taken for; the secret plays no part in that. */
function petstoreDelivery(body: string | Buffer) {
  const source = petstore.create({}, { log: undefined as never });
  const raw = { body: Buffer.from(body), headers: {} };
  return makeDelivery('petstore', raw, source.identify(raw, undefined), AT);
}

void t.test('what is fit is kept as it is', async (t) => {
  const given = { subTopic: 'product:adv/adv-120', tenantId: 'OU1243', triggeredAt: '2024-01-1T10:00:00Z' };
  t.same(make(given, '{"é":"日本🐶\u2028"}'), {
    id: 'id-1',
    source: 'acme',
    topic: 'topic',
    ...given,
    receivedAt: '2025-01-06T12:00:00.123Z',
    rawBody: '{"é":"日本🐶\u2028"}',
    headers: {},
  });
});

void t.test('an id that is too long or unprintable is stood in for by its hash', async (t) => {
  t.equal(make({ id: 'x'.repeat(256) }).id, 'x'.repeat(256));
  for (const id of ['x'.repeat(257), 'a\nb', 'a\0', '\u007f', 'a\u0085b', 'a\u2028b', '\u2029']) {
    const delivery = make({ id });
    t.match(delivery.id, HASH, encodeURIComponent(id.slice(0, 10)));
    t.equal(make({ id }, 'another body').id, delivery.id, 'equal ids stay equal, whatever is around them');
    t.equal(delivery.quarantine, undefined, 'and it is no reason not to handle the event');
  }
  t.not(make({ id: 'a\nb' }).id, make({ id: 'a\nc' }).id, 'different ids stay different');
  t.not(make({ id: `${'x'.repeat(256)}1` }).id, make({ id: `${'x'.repeat(256)}2` }).id);
});

void t.test('without an id: the hash of body and routing, and quarantine', async (t) => {
  for (const id of [undefined, '']) {
    const delivery = make({ id }, 'body');
    t.match(delivery, { id: HASH, quarantine: 'no-id' });
    t.equal(make({ id }, 'body').id, delivery.id, 'sent again it is the same event');
    t.not(make({ id }, 'body2').id, delivery.id);
    for (const other of [{ topic: 'topic2' }, { subTopic: 'x' }, { tenantId: 'x' }])
      t.not(make({ id, ...other }, 'body').id, delivery.id, JSON.stringify(other));
  }
  t.not(make({ id: undefined, subTopic: 'x' }).id, make({ id: undefined, tenantId: 'x' }).id);
  t.not(make({ id: undefined, topic: 'ab' }, 'c').id, make({ id: undefined, topic: 'b' }, 'ca').id);
});

void t.test('names that cannot be used', async (t) => {
  t.match(make({ topic: undefined }), { topic: null, quarantine: 'no-topic' });
  t.match(make({ topic: '' }), { topic: null, quarantine: 'no-topic' });
  t.match(make({ topic: 'x'.repeat(200) }), { topic: 'x'.repeat(200), quarantine: undefined });
  for (const topic of ['x'.repeat(201), 'a\rb', 'a\u2028b'])
    t.match(
      make({ topic }),
      { topic: null, quarantine: 'bad-topic' },
      encodeURIComponent(topic.slice(0, 10)),
    );
  t.match(make({ subTopic: 'a\nb', tenantId: 'x'.repeat(201) }), {
    subTopic: null,
    tenantId: null,
    quarantine: 'bad-name',
  });
  t.equal(make({ triggeredAt: '9'.repeat(100_000) }).triggeredAt?.length, 200, 'no sender fills the memory');
});

void t.test('a body that is no text is kept in base64', async (t) => {
  const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
  t.match(make({}, bytes), { rawBody: 'e/8AfQ==', encoding: 'base64', quarantine: 'not-text' });
  t.equal(make({}, '').rawBody, '');
  t.equal(make({}, '').encoding, undefined);
  t.equal(make({}, '\ufeff{}').rawBody, '\ufeff{}', 'a byte order mark was signed too');
});

void t.test('headers without credentials and without transport', async (t) => {
  const headers = {
    authorization: 'Bearer x',
    'proxy-authorization': 'Basic x',
    cookie: 'a=b',
    'set-cookie': ['a=b', 'c=d'],
    'x-petstore-signature': 'sha256=x',
    'x-webhook-signature': 'sha256=x',
    'x-api-key': 'x',
    'x-amz-security-token': 'x',
    host: 'localhost',
    connection: 'close',
    'content-length': '2',
    'transfer-encoding': 'chunked',
    'content-type': 'application/json',
    'user-agent': 'agent',
    'x-pps-topic': 'orders/placed',
    'x-list': ['a', 'b'],
    'x-none': undefined,
  };
  t.same(make({}, '{}', headers).headers, {
    'content-type': 'application/json',
    'user-agent': 'agent',
    'x-pps-topic': 'orders/placed',
    'x-list': 'a, b',
  });
});

void t.test('petstore: numbers as ids, only while they are exact', async (t) => {
  const of = (id: string) => petstoreDelivery(`{"id":${id},"eventType":"pet.adopted"}`);
  t.equal(of('0').id, '0');
  t.equal(of('42').id, '42');
  t.equal(of('-1').id, '-1');
  t.equal(of('9007199254740991').id, '9007199254740991');
  const [first, second] = [of('9007199254740992'), of('9007199254740993')];
  t.match(first, { id: HASH, quarantine: 'no-id' });
  t.match(second, { id: HASH, quarantine: 'no-id' });
  t.not(first.id, second.id, 'JSON reads one number for both');
  for (const id of ['1.5', '1e400', 'null', 'true', '{}', '["a"]', '""'])
    t.match(of(id), { id: HASH, quarantine: 'no-id', topic: 'pet.adopted' }, id);
});

void t.test('petstore: bodies of every shape', async (t) => {
  for (const body of ['', ' ', 'text', '{', '\0', '\ufeff{"id":"a"}'])
    t.match(
      petstoreDelivery(body),
      { id: HASH, topic: null, quarantine: 'not-json' },
      encodeURIComponent(body),
    );
  for (const body of ['null', '1', '"id"', '[]', '{}', '[{"id":"a"}]'])
    t.match(petstoreDelivery(body), { id: HASH, topic: null, quarantine: 'no-id' }, body);
  t.match(petstoreDelivery('{"id":"a"}'), { id: 'a', quarantine: 'no-topic' });
  t.match(petstoreDelivery('{"id":"a","eventType":7}'), { id: 'a', topic: null, quarantine: 'no-topic' });
  t.match(petstoreDelivery('{"__proto__":{"id":"a"},"eventType":"x"}'), { quarantine: 'no-id' });
});

void t.test('ids that are no whole Unicode are not taken for one another', async (t) => {
  const bytes = (byte: number) =>
    Buffer.concat([Buffer.from('{"id":"a'), Buffer.from([byte]), Buffer.from('","eventType":"x"}')]);
  const [first, second] = [petstoreDelivery(bytes(0xfe)), petstoreDelivery(bytes(0xff))];
  t.match([first, second], [{ quarantine: 'not-text' }, { quarantine: 'not-text' }]);
  t.not(first.id, second.id, 'or the second is lost as a duplicate of the first');
});
