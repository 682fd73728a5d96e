/** HMAC signatures: the whole of one, any of several, with any of several secrets. */
import t from 'tap';
import { isSigned, readSignatures } from '../../lib/signature.js';
import { hmac } from '../support/openssl.js';

const SECRET = "It's a Secret to Everybody";
const BODY = Buffer.from('Hello, World!');
const RIGHT = hmac(SECRET, BODY);
const WRONG = '0'.repeat(64);

const signed = (header: string, secrets = [SECRET]) => isSigned(BODY, readSignatures(header), secrets);

void t.test('the right one, in any case of its digits', async (t) => {
  t.equal(signed(`sha256=${RIGHT}`), true);
  t.equal(signed(`sha256=${RIGHT.toUpperCase()}`), true);
});

void t.test('every one of its 32 bytes counts, whatever stands before and after', async (t) => {
  for (let byte = 0; byte < 32; byte += 1) {
    const digest = Buffer.from(RIGHT, 'hex');
    digest[byte] = (digest[byte] ?? 0) ^ 1;
    t.equal(signed(`sha256=${digest.toString('hex')}`), false, `byte ${byte}`);
  }
});

void t.test('nothing shorter or longer', async (t) => {
  for (const digits of [0, 2, 16, 62, 63])
    t.equal(signed(`sha256=${RIGHT.slice(0, digits)}`), false, `${digits} digits`);
  for (const more of ['0', '00', ' 00', 'x', '\n']) {
    const header = `sha256=${RIGHT}${more}`;
    t.same(readSignatures(header).length, more === '\n' ? 1 : 0, JSON.stringify(more));
  }
  t.same(readSignatures(`sha256=${RIGHT}${RIGHT}`), []);
});

void t.test('any of several, with any of several secrets', async (t) => {
  t.equal(signed(`sha256=${WRONG}, sha256=${RIGHT}`), true, 'the last');
  t.equal(signed(`sha256=${RIGHT},sha256=${WRONG}`), true, 'the first');
  t.equal(signed(`v1=abc,,sha256=${RIGHT}`), true, 'among others that are none');
  t.equal(signed(`sha256=${RIGHT}`, ['another', SECRET]), true, 'the second secret');
  t.equal(signed(`sha256=${RIGHT}`, [SECRET, 'another']), true, 'the first secret');
  t.equal(signed(`sha256=${RIGHT}`, ['another']), false);
  t.equal(signed(`sha256=${RIGHT}`, []), false, 'no secret lets nobody in');
});

void t.test('only so many are looked at', async (t) => {
  const many = Array.from({ length: 1_000 }, () => `sha256=${WRONG}`);
  t.equal(readSignatures(many.join(',')).length, 16);
  t.equal(signed([...many, `sha256=${RIGHT}`].join(',')), false);
});
