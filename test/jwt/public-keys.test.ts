import t from 'tap';
import { MAX_KID_LENGTH, readKeySet } from '../../lib/jwt/public-keys.js';
import { makeKeys } from './support.js';
import { openssl } from '../support/openssl.js';

const keys = makeKeys(t, { good: 2048, other: 2048, weak: 1024, short: 2047 });
const { good, other } = keys;

function kidsOf(...entries: unknown[]): string[] {
  return [...readKeySet(JSON.stringify({ keys: [...entries, other.jwk] }), 100).keys()];
}

void t.test('a key comes out as openssl writes it', (t) => {
  t.equal(readKeySet(JSON.stringify({ keys: [good.jwk] }), 100).get('good')?.pem, good.publicPem);
  t.end();
});

void t.test('keys for RS256 signatures are taken', (t) => {
  for (const members of [
    {},
    { use: 'sig', alg: 'RS256' },
    { key_ops: ['verify'] },
    { key_ops: ['sign', 'verify'] },
    { x5c: ['nonsense'], x5t: 1, unknown: {} },
    { kid: '__proto__' },
    { kid: 'constructor' },
    { kid: '../../etc/passwd' },
    { kid: 'x'.repeat(MAX_KID_LENGTH) },
  ]) {
    const jwk = { ...good.jwk, ...members };
    t.same(kidsOf(jwk), [jwk.kid, 'other'], JSON.stringify(members));
  }
  t.end();
});

void t.test('others are passed over', (t) => {
  const ec = openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout']).toString();
  for (const members of [
    { use: 'enc' },
    { use: null },
    { alg: 'RS512' },
    { alg: 'PS256' },
    { alg: 'HS256' },
    { alg: null },
    { key_ops: ['encrypt'] },
    { key_ops: [] },
    { key_ops: 'verify' },
    { kty: 'oct', k: good.jwk.n },
    { kty: 'EC' },
    { kty: 'rsa' },
    { kty: undefined },
    { kid: '' },
    { kid: undefined },
    { kid: 7 },
    { kid: ['good'] },
    { kid: 'x'.repeat(MAX_KID_LENGTH + 1) },
    { n: undefined },
    { n: 65_537 },
    { n: '' },
    { e: undefined },
    { e: 'AQ', why: 'an exponent of 1: every signature would be its own message' },
    { e: 'AQAC', why: 'an even exponent' },
    { e: '' },
    { n: ec },
    keys.weak.jwk,
    keys.short.jwk,
  ]) {
    t.same(kidsOf({ ...good.jwk, ...members }), ['other'], JSON.stringify(members).slice(0, 100));
  }
  for (const entry of [null, 'good', 1, [good.jwk], {}])
    t.same(kidsOf(entry), ['other'], JSON.stringify(entry));
  t.end();
});

void t.test('of two keys with one kid the first counts', (t) => {
  const twice = readKeySet(JSON.stringify({ keys: [good.jwk, { ...other.jwk, kid: 'good' }] }), 100);
  t.equal(twice.size, 1);
  t.equal(twice.get('good')?.pem, good.publicPem);
  t.end();
});

void t.test('private members are never loaded', (t) => {
  const jwk = { ...good.jwk, d: 'not', p: 'even', q: 'numbers', oth: [] };
  t.equal(readKeySet(JSON.stringify({ keys: [jwk] }), 100).get('good')?.pem, good.publicPem);
  t.end();
});

void t.test('only so many entries are looked at', (t) => {
  const entries = Array.from({ length: 150 }, (_, index) => ({ ...good.jwk, kid: `k${index}` }));
  const set = readKeySet(JSON.stringify({ keys: entries }), 100);
  t.equal(set.size, 100);
  t.ok(set.has('k99'));
  t.end();
});

void t.test('what is no key set, or holds no key of use', (t) => {
  const enc = JSON.stringify({ keys: [{ ...good.jwk, use: 'enc' }] });
  for (const text of ['', '<html>', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[]}', enc]) {
    t.throws(() => readKeySet(text, 100), /key set/i, text.slice(0, 20));
  }
  t.end();
});
