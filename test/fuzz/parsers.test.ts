/** Properties of what reads times, signatures, names and addresses that strangers write, for inputs that nobody thought of. */
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import t from 'tap';
import { addressKey } from '../../lib/address.js';
import { makeDelivery } from '../../lib/delivery.js';
import { isSigned, readSignatures } from '../../lib/signature.js';
import { parseTimestamp } from '../../lib/time.js';
import petstore from '../../sources/petstore.js';
import pitchpoint from '../../sources/pitchpoint.js';
import { silentLog } from '../../lib/log.js';
import { body, headers, text, nearly } from './hostile.js';
import { draws, seed } from './seed.js';

t.comment(`FUZZ_SEED=${seed}`);
const RUNS = 2_000;

void t.test('timestamps', async (t) => {
  const odd = fc.oneof(nearly('0123456789-:.TZ+ ', 40), text, fc.string());
  fc.assert(
    fc.property(odd, (given) => {
      const time = parseTimestamp(given);
      return time === null || Number.isSafeInteger(time);
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      return parseTimestamp(date.toISOString()) === date.getTime();
    }),
    draws(RUNS),
  );
  t.pass('an answer for every text, and the right one for every time');
});

void t.test('signature headers', async (t) => {
  const hex = nearly('0123456789abcdefABCDEF', 70);
  const part = fc.oneof(
    hex.map((digits) => `sha256=${digits}`),
    hex,
    text,
    fc.constantFrom('sha256=', 'sha1=', ','),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const read = readSignatures(parts.join(','));
      return read.length <= 16 && read.every((signature) => signature.length === 32);
    }),
    draws(RUNS),
  );
  fc.assert(
    fc.property(body, fc.string({ minLength: 8 }), fc.string({ minLength: 8 }), (content, secret, other) => {
      const digest = createHmac('sha256', secret).update(content).digest();
      return (
        isSigned(content, [digest], [other, secret]) &&
        (other === secret || !isSigned(content, [digest], [other]))
      );
    }),
    draws(RUNS / 4),
  );
  fc.assert(
    fc.property(body, fc.nat({ max: 255 }), fc.integer({ min: 1, max: 255 }), (content, at, flip) => {
      const digest = createHmac('sha256', 'the-secret').update(content).digest();
      digest[at % 32] = (digest[at % 32] ?? 0) ^ flip;
      return !isSigned(content, [digest], ['the-secret']);
    }),
    draws(RUNS / 4),
  );
  t.pass('whole digests only, and no bit may differ');
});

void t.test('deliveries', async (t) => {
  const source = petstore.create({ PETSTORE_WEBHOOK_SECRET: ['the-secret'] }, { log: silentLog });
  const named = pitchpoint.create(
    {
      PITCHPOINT_ISSUER: 'http://127.0.0.1:9',
      PITCHPOINT_AUDIENCE: 'a',
      PITCHPOINT_TENANTS: undefined,
      PITCHPOINT_JWKS_URI: undefined,
    },
    { log: silentLog },
  );
  const plain = /^[^\p{Cc}\p{Surrogate}\u2028-\u202e\u2066-\u2069]*$/u;
  fc.assert(
    fc.property(body, headers, fc.array(text, { minLength: 5, maxLength: 5 }), (content, more, names) => {
      const [id, topic, sub, tenant, at] = names;
      const given = Object.fromEntries([
        ...more.map(([name, of]) => [name.toLowerCase(), of]),
        ['x-pps-webhook-id', id],
        ['x-pps-topic', topic],
        ['x-pps-sub-topic', sub],
        ['x-pps-tenant-id', tenant],
        ['x-pps-triggered-at', at],
        ['authorization', 'Bearer the-token'],
      ]) as Record<string, string>;
      const raw = { body: content, headers: given };
      return [source, named].every((by) => {
        const made = makeDelivery('petstore', raw, by.identify(raw, undefined), new Date());
        const bytes = Buffer.from(made.rawBody, made.encoding ?? 'utf8');
        const short = [made.id, made.topic, made.subTopic, made.tenantId, made.triggeredAt];
        return (
          bytes.equals(content) &&
          made.id !== '' &&
          short.every((name) => name === null || (name.length <= 256 && plain.test(name))) &&
          !JSON.stringify(made.headers).includes('the-token')
        );
      });
    }),
    draws(RUNS),
  );
  t.equal((Object.prototype as { polluted?: boolean }).polluted, undefined);
  t.pass('bodies to the byte, names that fit into a log line');
});

void t.test('addresses', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), text, nearly('0123456789abcdef:.%/', 50)), (address) => {
      return /^[\da-f.:/]{3,30}$|^unknown$/.test(addressKey(address));
    }),
    draws(RUNS),
  );
  t.pass('short, and of a small alphabet');
});
