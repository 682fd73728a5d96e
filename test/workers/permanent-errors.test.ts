/** A PermanentError fails an event at once: by this package's own class, or by any class of that name. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);

async function outcome(address: string, topic: string) {
  const id = randomUUID();
  await post(address, await sender.request({ topic, data: {} }, { id }), { timeoutMs: 10_000 });
  const { state, attemptsMade, failedReason } = await untilState(address, 'petstore', id);
  return { state, attemptsMade, failedReason };
}

const AT_ONCE = { state: 'failed', attemptsMade: 1, failedReason: 'for good' };
const RETRIED = { state: 'failed', attemptsMade: 2, failedReason: 'for good' };

/** A handler of two attempts whose every attempt throws what the expression says. */
function handler(topic: string, setUp: string, thrown: string): string {
  return `${setUp}
    export default { source: 'petstore', topic: '${topic}', attempts: 2, backoff: { delay: 0 }, async handle() {
      throw ${thrown};
    } };`;
}

void t.test('by name', async (t) => {
  const cases: Array<[topic: string, setUp: string, thrown: string, expected: object]> = [
    ['class', 'class PermanentError extends Error {}', "new PermanentError('for good')", AT_ONCE],
    [
      'subclass',
      'class PermanentError extends Error {} class Gone extends PermanentError {}',
      "new Gone('for good')",
      AT_ONCE,
    ],
    ['name', '', "Object.assign(new Error('for good'), { name: 'PermanentError' })", AT_ONCE],
    ['type', '', "Object.assign(new TypeError('for good'), { name: 'PermanentError' })", AT_ONCE],
    ['bullmq', 'class UnrecoverableError extends Error {}', "new UnrecoverableError('for good')", AT_ONCE],
    ['message', '', "new Error('for good')", RETRIED],
    ['alike', 'class NotPermanentError extends Error {}', "new NotPermanentError('for good')", RETRIED],
    [
      'cause',
      'class PermanentError extends Error {}',
      "new Error('for good', { cause: new PermanentError() })",
      RETRIED,
    ],
  ];
  const folder = t.testdir(
    Object.fromEntries(
      cases.map(([topic, setUp, thrown]) => [`${topic}.mjs`, handler(topic, setUp, thrown)]),
    ),
  );
  const { address } = await startTestService(t, store, {
    ...sender.environment,
    HANDLERS_DIR: folder,
    SHUTDOWN_TIMEOUT: '100ms',
  });
  for (const [topic, , , expected] of cases) t.same(await outcome(address, topic), expected, topic);
});

void t.test('by class, from a mounted folder that has no packages of its own', async (t) => {
  const folder = await temporaryFolder(t);
  const imported = "import { PermanentError, defineHandler } from 'hookline';";
  const files = {
    'own.mjs': handler('own', imported, "new PermanentError('for good')"),
    'subclass.mjs': handler(
      'subclass',
      `${imported} class Gone extends PermanentError {}`,
      "new Gone('for good')",
    ),
    'renamed.mjs': handler(
      'renamed',
      `${imported} class X extends PermanentError { name = 'X' }`,
      "new X('for good')",
    ),
    'defined.mjs': `${imported} export default defineHandler({ source: 'petstore', topic: 'defined', handle() {
      if (new PermanentError('').name !== 'PermanentError') throw new Error('another class');
    } });`,
  };
  for (const [name, code] of Object.entries(files)) await writeFile(path.join(folder, name), code);
  const { address } = await startHookline(t, {
    ...sender.environment,
    REDIS_URL: store.url,
    QUEUE_PREFIX: `${store.prefix}-p`,
    HANDLERS_DIR: folder,
  });
  for (const topic of ['own', 'subclass', 'renamed']) t.same(await outcome(address, topic), AT_ONCE, topic);
  t.match(await outcome(address, 'defined'), { state: 'completed' });
});
