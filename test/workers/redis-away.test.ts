/** What a worker has in hand while Redis is away is ended by that worker, once, when Redis is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { DurableRedis } from '../faults/redis.js';
import { until, untilState } from '../support/deliveries.js';
import { noRedis } from '../support/redis-program.js';
import { startTestService } from '../support/service.js';

/** Longer than any window in which a worker must be heard of. */
const AWAY = 17_000;
/** Of the handler whose step must be kept meanwhile. */
const TIME_LIMIT = 10_000;

const HANDLER = `
  import { appendFileSync, existsSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const note = (text) => appendFileSync(new URL('notes.txt', import.meta.url), text + '\\n');
  const handle = async ({ id }, { attempt }) => {
    note(id + ' begun ' + attempt);
    while (!existsSync(new URL('go.txt', import.meta.url))) await sleep(20);
    note(id + ' ended ' + attempt);
    if (id === 'fails first' && attempt === 1) throw new Error('as it should');
  };`;

interface Fault {
  cause(redis: DurableRedis): unknown;
  mend(redis: DurableRedis): unknown;
}
const FAULTS: Record<string, Fault> = {
  killed: { cause: (redis) => redis.kill(), mend: (redis) => redis.start() },
  frozen: { cause: (redis) => redis.signal('SIGSTOP'), mend: (redis) => redis.signal('SIGCONT') },
  'read-only': {
    cause: (redis) => redis.tell('REPLICAOF', '127.0.0.1', '1'),
    mend: (redis) => redis.tell('REPLICAOF', 'NO', 'ONE'),
  },
};

t.jobs = Object.keys(FAULTS).length;
for (const [fault, { cause, mend }] of Object.entries(FAULTS)) {
  void t.test(`Redis is ${fault}`, { skip: noRedis, buffered: true }, async (t) => {
    const redis = await DurableRedis.open(t);
    const sender = createPetstoreSender({ secret: 'a-test-secret' });
    const options = "source: 'petstore', attempts: 3, backoff: { type: 'fixed', delay: 10 }, handle";
    const folder = t.testdir({
      'free.mjs': `${HANDLER} export default { topic: 'free', ${options} };`,
      'stepped.mjs': `${HANDLER} export default { topic: 'stepped', timeout: ${TIME_LIMIT}, ${options}(event, ctx) {
        return ctx.step('charge', () => handle(event, ctx)); } };`,
      'serial.mjs': `${HANDLER} export default { topic: 'serial', serialBy: () => 'one', ${options} };`,
    });
    const store = { url: `redis://127.0.0.1:${redis.port}`, prefix: 'away' };
    const { address } = await startTestService(t, store, { ...sender.environment, HANDLERS_DIR: folder });
    const notes = () => readFileSync(path.join(folder, 'notes.txt'), 'utf8').trim().split('\n');
    const deliver = async (topic: string, id: string) =>
      post(address, await sender.request({ topic, data: {} }, { id }), { timeoutMs: 10_000 });

    for (const id of ['goes well', 'fails first']) await deliver('free', id);
    await deliver('stepped', 'has a step');
    await deliver('serial', 'older');
    await untilState(address, 'petstore', 'older', 'active');
    await deliver('serial', 'newer');
    await until('four to be in hand', () => notes().length === 4);

    await cause(redis);
    writeFileSync(path.join(folder, 'go.txt'), '');
    await until('them to end', () => notes().length === 8);
    await sleep(AWAY);
    await mend(redis);
    await until('it to be found again', async () => {
      const answer = await fetch(`${address}/health/ready`);
      return ((await answer.json()) as { parts: { redis: string } }).parts.redis === 'ok';
    });

    const attempts = { 'goes well': 1, 'fails first': 2, 'has a step': 1, older: 1, newer: 1 };
    for (const [id, attemptsMade] of Object.entries(attempts)) {
      t.match(await untilState(address, 'petstore', id), { state: 'completed', attemptsMade }, id);
    }
    const { history } = await untilState(address, 'petstore', 'fails first');
    const noted = (history as Array<{ event: string; outcome?: string }>).filter(
      ({ event }) => event === 'attempt',
    );
    t.match(noted, [{ outcome: 'retried' }, { outcome: 'completed' }], 'each attempt is noted');
    const told = Object.entries(attempts).flatMap(([id, made]) =>
      Array.from({ length: made }, (_, index) => [
        `${id} begun ${index + 1}`,
        `${id} ended ${index + 1}`,
      ]).flat(),
    );
    t.same(notes().toSorted(), told.toSorted(), 'each attempt once');
    t.ok(notes().indexOf('newer begun 1') > notes().indexOf('older ended 1'), 'in their order');
  });
}
