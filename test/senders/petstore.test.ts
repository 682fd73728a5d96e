import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { petstoreReferenceSamples, petstoreSamples } from '../../senders/samples/petstore.js';

const sender = createPetstoreSender({ secret: 'sesame' });
t.teardown(() => sender.close());

void t.test('the guide’s envelope', async (t) => {
  t.same(sender.environment, { PETSTORE_WEBHOOK_SECRET: 'sesame' });
  t.same(
    petstoreSamples.map(({ topic }) => topic),
    [
      'pet.adopted',
      'pet.status_changed',
      'order.created',
      'order.status_changed',
      'payment.succeeded',
      'payment.failed',
    ],
  );
  for (const sample of petstoreSamples) {
    const request = await sender.request(sample);
    t.match(request, {
      path: '/webhooks/petstore',
      method: 'POST',
      topic: sample.topic,
      id: /^evt_[0-9a-f-]{36}$/,
    });
    t.same(Object.keys(request.headers).sort(), ['Content-Type', 'X-Petstore-Signature']);
    const { timestamp, ...envelope } = JSON.parse(request.body.toString()) as Record<string, unknown>;
    t.same(envelope, { id: request.id, eventType: sample.topic, data: sample.data });
    t.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
});

void t.test('the reference’s envelope', async (t) => {
  t.same(
    petstoreReferenceSamples.map(({ topic }) => topic),
    [
      'pet.adopted',
      'pet.statusChanged',
      'order.created',
      'order.statusChanged',
      'payment.succeeded',
      'payment.failed',
    ],
  );
  for (const sample of petstoreReferenceSamples) {
    const request = await sender.request(sample);
    t.same(Object.keys(request.headers).sort(), ['Content-Type', 'X-Webhook-Signature']);
    const envelope = JSON.parse(request.body.toString()) as Record<string, unknown>;
    t.match(envelope, { eventId: request.id, eventType: sample.topic });
    t.notOk('id' in envelope);
  }
  t.match(petstoreReferenceSamples[2]?.data, { order: { totalAmount: '49.99' } }, 'amounts are text');
  t.match(petstoreSamples[2]?.data, { order: { totalAmount: 49.99 } }, 'unlike the guide’s');
});

void t.test('id, time and data can be given', async (t) => {
  const options = { id: 'evt_1', triggeredAt: '2025-01-06T12:00:00Z', data: null };
  const { id, body } = await sender.request({ topic: 'pet.adopted', data: { pet: {} } }, options);
  t.equal(id, 'evt_1');
  t.equal(
    body.toString(),
    '{"id":"evt_1","eventType":"pet.adopted","timestamp":"2025-01-06T12:00:00Z","data":null}',
  );
});
