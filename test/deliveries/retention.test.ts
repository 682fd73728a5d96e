/** How long what has ended is kept. */
import t from 'tap';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { addFinished } from './jobs.js';
import { brokenHandlers, deliver, openDeliveries, petstore } from './support.js';

const server = await openStore(t);

void t.test('the setting', async (t) => {
  const definitions = await loadSources();
  t.equal(parseSettings({}, definitions).KEEP_FAILED, undefined, 'for ever');
  t.equal(parseSettings({ KEEP_FAILED: '90d' }, definitions).KEEP_FAILED, 90 * 86_400_000);
  t.throws(
    () => parseSettings({ KEEP_FAILED: '1d' }, definitions),
    /KEEP_FAILED: .*no shorter than DEDUPE_WINDOW; given: "1d"/,
  );
  t.throws(
    () => parseSettings({ KEEP_FAILED: 'long' }, definitions),
    /KEEP_FAILED: expected a duration such as 90d/,
  );
});

for (const [keep, left] of [
  [undefined, 2],
  ['1h', 1],
] as const) {
  void t.test(`failed jobs with KEEP_FAILED ${keep ?? 'unset'}`, async (t) => {
    const own = { ...server, prefix: `${server.prefix}-${keep ?? 'ever'}` };
    const store = await openDeliveries(t, own);
    const old = Date.now() - 2 * 3_600_000;
    await addFinished(store.redis, own.prefix, [
      {
        id: 'old',
        source: 'petstore',
        state: 'failed',
        topic: 'x',
        receivedAt: old,
        endedAt: old,
        remembered: false,
      },
    ]);
    const handlers = await brokenHandlers(t);
    const { address } = await startTestService(t, own, {
      ...petstore.environment,
      HANDLERS_DIR: handlers.folder,
      ...(keep && { KEEP_FAILED: keep, DEDUPE_WINDOW: '30m' }),
    });
    await untilState(address, 'petstore', await deliver(address, 'pet.adopted'), 'failed');
    const kept = () => store.redis.zcard(`${own.prefix}:petstore:failed`);
    await until(`${left} to be kept`, async () => (await kept()) === left);
    t.equal((await lookUp(address, 'petstore', 'old')) !== undefined, keep === undefined);
  });
}
