import t from 'tap';
import { isCredentialName, redact } from '../../lib/redact.js';

const CREDENTIALS = [
  'Authorization',
  'proxy-authorization',
  'Cookie',
  'set-cookie',
  'x-petstore-signature',
  'X-Webhook-Signature',
  'password',
  'Passwort',
  'client_secret',
  'access_token',
  'accessToken',
  'Token',
  'api-key',
  'x-api-key',
  'apiKey',
  'private_key',
  'SubscribeURL',
  'UnsubscribeURL',
  'sessionId',
  'cvv',
  'pin',
];
const PLAIN = [
  'id',
  'eventType',
  'x-pps-topic',
  'content-type',
  'user-agent',
  'species',
  'amount',
  'spinner',
];

void t.test('names of credentials, in any case', async (t) => {
  for (const name of CREDENTIALS) {
    t.equal(isCredentialName(name), true, name);
    t.equal(isCredentialName(name.toUpperCase()), true, name.toUpperCase());
  }
  for (const name of PLAIN) t.equal(isCredentialName(name), false, name);
});

void t.test('masked at every depth, all else as it was', async (t) => {
  const given = {
    id: 1,
    none: null,
    user: { name: 'x', password: 'p4ss', tokens: ['a', 'b'] },
    list: [{ secret: { deep: 'p4ss' } }, 'text', [{ cookie: 'p4ss' }]],
  };
  const copy = structuredClone(given);
  t.same(redact(given), {
    id: 1,
    none: null,
    user: { name: 'x', password: '***', tokens: '***' },
    list: [{ secret: '***' }, 'text', [{ cookie: '***' }]],
  });
  t.same(given, copy, 'what was given is left alone');
});

void t.test('what is no object', async (t) => {
  for (const value of ['text', 1, true, null, undefined]) t.equal(redact(value), value);
});

void t.test('depth is bounded', async (t) => {
  const text = `${'{"a":'.repeat(3_000)}{"password":"p4ss"}${'}'.repeat(3_000)}`;
  t.notMatch(JSON.stringify(redact(JSON.parse(text))), /p4ss/);
});

void t.test('members that look like the prototype', async (t) => {
  const masked = redact(JSON.parse('{"__proto__":{"password":"p4ss","polluted":true}}'));
  t.notMatch(JSON.stringify(masked), /p4ss/);
  t.equal((masked as { polluted?: boolean }).polluted, undefined);
});
