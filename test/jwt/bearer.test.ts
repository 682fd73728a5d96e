import t from 'tap';
import { readBearer } from '../../lib/jwt/bearer.js';

void t.test('exactly one token, the scheme in any case', (t) => {
  for (const value of ['Bearer a.b.c', 'bearer a.b.c', 'BEARER   a.b.c']) {
    t.same(readBearer(value), { ok: true, token: 'a.b.c' }, value);
  }
  t.same(readBearer(['Bearer a.b.c']), { ok: true, token: 'a.b.c' });
  t.end();
});

void t.test('no token', (t) => {
  for (const value of [undefined, '', [], 'Basic dXNlcjpwdw==', 'a.b.c', 'Bearertoken', 'Token a.b.c']) {
    t.match(readBearer(value), { ok: false, cause: 'missing-token', detail: String }, JSON.stringify(value));
  }
  t.end();
});

void t.test('anything but one token', (t) => {
  const values = [
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Bearer a, Bearer a',
    'Bearer "a"',
    'Bearer\ta',
  ];
  for (const value of [...values, 'Bearer a\n', 'Bearer a=b', 'Bearer é']) {
    t.match(readBearer(value), { ok: false }, JSON.stringify(value));
  }
  for (const value of [['Bearer a', 'Bearer a'], 'Bearer a, Bearer a', 'Bearer ', 'Bearer a b']) {
    t.match(readBearer(value), { cause: 'malformed-token' }, JSON.stringify(value));
  }
  t.end();
});

void t.test('the detail never shows a credential', (t) => {
  t.notMatch(JSON.stringify(readBearer('Basic c2VjcmV0')), 'c2VjcmV0');
  t.notMatch(JSON.stringify(readBearer('Bearer s3cret s3cret')), 's3cret');
  t.end();
});
