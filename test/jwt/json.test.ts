import t from 'tap';
import { hasDuplicateMembers, parseObject } from '../../lib/jwt/json.js';

void t.test('members named twice', (t) => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":{"a":1},"a":2}',
    String.raw`{"a":1,"\u0061":2}`,
    String.raw`{"x":"\"{[:","a":[{"q":"]}"}],"a":0}`,
    '{ "a" : 1 , "a" : 2 }',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
  ]) {
    t.equal(hasDuplicateMembers(text), true, text);
    t.ok(parseObject(text), 'it is JSON all the same');
  }
  t.end();
});

void t.test('members named once', (t) => {
  for (const text of [
    '{}',
    '{"a":1,"A":2}',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a":"a","b":"a"}',
    String.raw`{"a":"\"a\":1,\"a\":","b":"\\"}`,
    '{"a":"{","b":"}","c":"["}',
  ]) {
    t.equal(hasDuplicateMembers(text), false, text);
    t.ok(parseObject(text), 'it is JSON');
  }
  t.end();
});

void t.test('only objects are objects', (t) => {
  for (const text of ['null', '[]', '[{}]', '"a"', '1', '', '{', '{}{}', '{} x', '\ufeff{}']) {
    t.equal(parseObject(text), undefined, text);
  }
  t.same(parseObject(' {"a":1}\n'), { a: 1 });
  t.end();
});
