/** SCRIPT FLUSH, a failover and a restart all make Redis forget the scripts that accept a delivery. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openOwnStore, temporaryFolder } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });

void t.test('SCRIPT FLUSH under traffic', async (t) => {
  const url = await openOwnStore(t);
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'handled.txt');
  await writeFile(
    path.join(folder, 'any.mjs'),
    `import { appendFileSync } from 'node:fs';
     export default { source: 'petstore', topic: '*', handle({ id }) {
       appendFileSync(${JSON.stringify(file)}, id + '\\n');
     } };`,
  );
  const { address } = await startTestService(
    t,
    { url, prefix: 'flush' },
    {
      ...sender.environment,
      HANDLERS_DIR: folder,
      SHUTDOWN_TIMEOUT: '100ms',
    },
  );
  const deliver = async (id: string) => {
    const request = await sender.request({ topic: 'pet.adopted', data: {} }, { id });
    const { status, body } = await post(address, request, { timeoutMs: 20_000 });
    return { httpStatus: status, ...(JSON.parse(body) as { status: string }) };
  };

  const ids: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const batch = Array.from({ length: 20 }, () => randomUUID());
    ids.push(...batch);
    const [answers] = await Promise.all([
      Promise.all(batch.map(deliver)),
      redis.script('FLUSH'),
      ...Array.from({ length: 5 }, () => redis.script('FLUSH')),
    ]);
    t.ok(
      answers.every(({ httpStatus, status }) => httpStatus === 200 && status === 'accepted'),
      `round ${round}: all accepted`,
    );
  }
  for (const id of ids) await untilState(address, 'petstore', id, 'completed');
  const handled = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  t.same([...new Set(handled)].sort(), ids.sort(), 'each is handled');
  // At least once: a script that is forgotten again while it is sent in full fails, and with it the end of an attempt.
  t.equal(await redis.zcard('flush:petstore:completed'), ids.length, 'and each is one job');
});
