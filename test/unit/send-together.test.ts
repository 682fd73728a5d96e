/** What is written in one turn of the event loop goes out in one write. */
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t from 'tap';
import { corkEachTurn } from '../../lib/queue/send-together.js';
import { workerConnection } from '../../lib/queue/connection.js';
import { silentLog } from '../../lib/log.js';
import { openStore } from '../support/store.js';

void t.test('also what promises of the same turn write', async (t) => {
  const writes: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(chunk.toString());
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  corkEachTurn(stream);
  const later = async () => {
    await Promise.resolve();
    stream.write('b');
  };
  stream.write('a');
  const written = later();
  await turn();
  await written;
  stream.write('c');
  await turn();
  t.same(writes, ['ab', 'c']);
  stream.write('d');
  stream.end('e');
  await turn();
  t.same(writes.join(''), 'abcde', 'an end leaves nothing behind');
});

void t.test('a connection on a real store', async (t) => {
  const { url, prefix } = await openStore(t);
  const redis = workerConnection(url, silentLog);
  t.teardown(() => redis.disconnect());
  const key = `${prefix}:count`;
  const answers = await Promise.all(Array.from({ length: 500 }, () => redis.incr(key)));
  t.same(
    answers,
    answers.map((_, index) => index + 1),
    'each has its own answer',
  );
  // A new socket after it was lost.
  const [name, admin] = [`together-${prefix}`, new Redis(url)];
  t.teardown(() => admin.disconnect());
  await redis.call('CLIENT', 'SETNAME', name);
  const lost = new Promise((resolve) => redis.once('close', resolve));
  const line = String(await admin.client('LIST'))
    .split('\n')
    .find((client) => client.includes(`name=${name}`));
  await admin.client('KILL', 'ID', Number(/^id=(\d+)/.exec(line ?? '')?.[1]));
  await lost;
  t.same(await Promise.all([redis.incr(key), redis.incr(key)]), [501, 502]);
});
