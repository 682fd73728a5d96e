import t from 'tap';
import { makeDelivery, receiveDelivery } from '../../lib/delivery.js';
import { toDelivery, toJson, type Received } from '../../lib/received.js';
import type { Identity } from '../../lib/source.js';

const AT = new Date('2026-01-02T03:04:05.678Z');

function received(body: Buffer, identity: Partial<Identity> = {}, headers = {}): Received {
  return receiveDelivery('acme', { body, headers }, { id: 'e1', topic: 'a', ...identity }, AT);
}

const EVERY_BYTE = Buffer.from(Array.from({ length: 128 }, (_, byte) => byte));

const BODIES = {
  'no body': Buffer.alloc(0),
  JSON: Buffer.from('{"a":"b\\n\\"c\\"","d":[1,null]}'),
  'characters of one, two, three and four bytes': Buffer.from('{"a":"aé’😀\u2028\u2029\ufeff"}'),
  'a byte order mark': Buffer.from('\ufeff{}'),
  'every byte of ASCII': EVERY_BYTE,
  'no UTF-8': Buffer.from([0x22, 0xff, 0x00, 0xc3, 0x28]),
  'what looks like our own members': Buffer.from('","headers":{},"rawBody":"","encoding":"base64'),
};

void t.test('its JSON is that of the delivery, byte for byte', async (t) => {
  for (const [name, body] of Object.entries(BODIES)) {
    const made = received(body);
    t.equal(toJson(made).toString(), JSON.stringify(toDelivery(made)), name);
    if (name !== 'no UTF-8') t.equal(toDelivery(made).rawBody, body.toString(), name);
  }
});

void t.test('and so it is whatever names the event, and whatever its headers say', async (t) => {
  const tricky = ',"headers":{},"encoding":"\\';
  for (const body of [Buffer.from('{}'), Buffer.from([0xff])]) {
    for (const identity of [
      { id: tricky, topic: tricky, subTopic: 'é’😀', tenantId: tricky },
      { id: undefined, topic: undefined },
      { id: `${tricky},`, triggeredAt: tricky },
    ]) {
      const made = received(body, identity, { 'x-a': tricky, 'x-b': '\u00e9\u0001' });
      made.envelope.traceparent = '00-1-2-03';
      t.equal(toJson(made).toString(), JSON.stringify(toDelivery(made)));
    }
  }
});

void t.test('a delivery that is text already stays as it is', async (t) => {
  const raw = { body: Buffer.from('{"a":"’"}'), headers: {} };
  const delivery = makeDelivery('acme', raw, { id: 'e1', topic: 'a' }, AT);
  t.equal(toJson(delivery), JSON.stringify(delivery));
});
