import t from 'tap';
import { dedupeKey, jobName, newJobId } from '../../lib/queue/names.js';

const IDS = [
  'evt_1',
  '0',
  '42',
  '1e3',
  'a:b',
  'a:b:c',
  ':',
  '0:1',
  '~',
  'a~b',
  'a/b',
  'a%2Fb',
  'a b',
  'é',
  'e\u0301',
  '日本',
  '🐶',
  'a\nb',
  'a\0b',
  '*',
  '{tag}',
  'x'.repeat(64),
  'x'.repeat(65),
  'x'.repeat(256),
  ':'.repeat(256),
];

void t.test('job ids that BullMQ and Redis take', async (t) => {
  for (const id of IDS) {
    const jobId = newJobId(id);
    t.notMatch(jobId, /:/, `no colon: ${JSON.stringify(id)}`);
    t.notMatch(jobId, /^\d+$/, 'no integer');
    t.match(jobId, /^[\x21-\x7e]{1,128}$/, 'printable, and short');
  }
});

void t.test('a job id is made only once', async (t) => {
  for (const id of ['same', 'not plain']) {
    const made = new Set(Array.from({ length: 10_000 }, () => newJobId(id)));
    t.equal(made.size, 10_000);
  }
});

void t.test('a plain webhook id shows in its job id', async (t) => {
  const jobId = newJobId('019b4132-70aa-764f-b315-e2803d882a24');
  t.match(jobId, /^019b4132-70aa-764f-b315-e2803d882a24~[\w-]{7}$/);
  t.equal(jobId.length, 44, 'what Redis keeps in one piece: OBJ_ENCODING_EMBSTR_SIZE_LIMIT of its object.c');
});

void t.test('deduplication keys: one for each id, whatever is in it', async (t) => {
  const keys = IDS.map(dedupeKey);
  t.equal(new Set(keys).size, IDS.length, 'different ids have different keys');
  t.same(IDS.map(dedupeKey), keys, 'equal ids have equal keys');
  for (const key of keys) t.match(key, /^[\w.@=+~-]{1,64}$/);
  t.not(dedupeKey('Evt'), dedupeKey('evt'), 'case counts');
  t.not(dedupeKey(dedupeKey('a:b')), dedupeKey('a:b'), 'a key is not taken for the id that it stands for');
});

void t.test('halves of surrogate pairs are different ids too', async (t) => {
  t.not(dedupeKey('a\ud83d'), dedupeKey('a\ud83e'));
  t.not(dedupeKey('a\ud83d'), dedupeKey('a\ufffd'));
});

void t.test('a job without a topic has a name all the same', async (t) => {
  t.equal(jobName('orders/placed'), 'orders/placed');
  t.ok(jobName(null));
});
