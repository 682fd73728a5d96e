/** The commands of an operator: deliveries, show, replay, discard, replays. Built code, real processes. */
import t from 'tap';
import { readSession } from '../../lib/deliveries/sessions.js';
import { openStore } from '../support/store.js';
import { addFinished, type FinishedJob } from './jobs.js';
import { cli, openDeliveries } from './support.js';

t.setTimeout(300_000);
const server = await openStore(t);
const store = await openDeliveries(t, server);
const environment = { REDIS_URL: server.url, QUEUE_PREFIX: server.prefix };
const hookline = (...args: string[]) => cli(t, environment, ...args);
const STACK = /^\s+at .*:\d+:\d+\)?$/m;

const START = Date.UTC(2026, 0, 31);
const job = (number: number, changes: Partial<FinishedJob> = {}): FinishedJob => ({
  id: `evt_${number}`,
  source: 'petstore',
  state: 'failed',
  topic: 'pet.adopted',
  receivedAt: START + number * 1_000,
  endedAt: START + number * 1_000,
  ...changes,
});

await addFinished(store.redis, store.prefix, [
  ...Array.from({ length: 8 }, (_one, number) => job(number)),
  job(8, { topic: 'pet.sold', reason: 'no \u001b[31mred\u001b[0m\r\nline', source: 'pce' }),
  job(9, { state: 'completed' }),
]);

void t.test('help, with examples', async (t) => {
  for (const command of ['deliveries', 'show', 'replay', 'discard', 'replays']) {
    const { exit, stdout, stderr } = await hookline(command, '--help');
    t.match({ exit, stderr }, { exit: 0, stderr: '' });
    t.match(stdout, new RegExp(`Examples:\n {2}hookline ${command}`), command);
  }
});

void t.test('deliveries', async (t) => {
  const page = await hookline('deliveries', '--state', 'failed', '--limit', '3');
  t.equal(page.exit, 0);
  const lines = page.stdout.split('\n');
  t.match(lines[0], /^STATE +SOURCE +TOPIC +ID +ENDED OR RECEIVED +TRIES +REASON$/);
  t.match(
    lines[1],
    /^dead-letter +pce +pet\.sold +evt_8 +2026-01-31 00:00:08 +1 +no {1,2}\[31mred \[0m line$/,
    'steers no terminal',
  );
  t.match(lines[3], / evt_6 /);
  t.match(lines[4], '3 deliveries, 3 looked at.');
  const cursor = /--cursor (\S+)/.exec(page.stdout)?.[1] ?? '';
  const next = await hookline('deliveries', '--state', 'failed', '--cursor', cursor, '--json');
  const { deliveries } = JSON.parse(next.stdout) as { deliveries: Array<{ id: string }> };
  t.same(
    deliveries.map(({ id }) => id),
    ['evt_5', 'evt_4', 'evt_3', 'evt_2', 'evt_1', 'evt_0'],
  );
  t.match((await hookline('deliveries', '--topic', 'none')).stdout, '0 deliveries, 10 looked at.');
});

void t.test('show', async (t) => {
  const { exit, stdout } = await hookline('show', 'pce', 'evt_8');
  t.equal(exit, 0);
  t.match(stdout, /^state +failed$/m);
  t.match(stdout, /^history\n {2}2026-01-31T00:00:08\.000Z +received\n/m);
  t.match(stdout, /^stack of the last failure\nError: no /m);
  // oxlint-disable-next-line no-control-regex
  t.notMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/);
});

void t.test('mistakes are told in one line each', async (t) => {
  for (const [args, says] of [
    [['replay'], /Say what to replay: <source> <id>, a filter, or --all/],
    [['discard'], /Say what to discard/],
    [['replay', 'petstore'], /Give the id too, or --source petstore/],
    [['replay', 'petshop', 'x'], /no source petshop/],
    [['replay', 'petstore', 'evt_none'], /No delivery with this id/],
    [['replay', 'petstore', 'evt_9'], /handled with success.*force/],
    [['replay', 'petstore', 'evt_1', '--dry-run'], /--dry-run is for filters/],
    [['replay', '--state', 'completed', '--all'], /handled with success/],
    [['replay', '--state', 'active', '--rate', '0/s'], /--state: .*\n--rate: expected a rate/],
    [['replay', '--resume', 'nothing'], /no such replay or discard/],
    [['replays', 'nothing'], /no such replay or discard/],
    [['deliveries', '--source', 'petshop'], /no source petshop/],
    [
      ['deliveries', '--limit', '1000', '--since', 'yesterday'],
      /--since: expected a time.*\n--limit: expected/,
    ],
    [['deliveries', '--cursor', 'x'], /cursor: expected the cursor/],
    [['discard', '--topic', 'pet.adopted'], /8 deliveries would be discarded\. Add --yes/],
  ] as const) {
    const { exit, stdout, stderr } = await hookline(...args);
    t.equal(exit, 1, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, says);
    t.notMatch(stderr, STACK);
  }
});

void t.test('replay, discard and their records', async (t) => {
  const dry = await hookline('replay', '--topic', 'pet.adopted', '--dry-run', '--json');
  t.match(JSON.parse(dry.stdout), { total: 8, first: [{ id: 'evt_0' }, { id: 'evt_1' }, {}, {}, {}] });
  t.match(await hookline('replay', 'petstore', 'evt_0'), {
    exit: 0,
    stdout: 'petstore evt_0 is replayed.\n',
  });
  const forced = await hookline('replay', 'petstore', 'evt_9', '--force', '--json');
  t.match(JSON.parse(forced.stdout), { status: 'done', filter: { state: 'completed' } });
  const some = await hookline(
    'discard',
    '--topic',
    'pet.adopted',
    '--until',
    '2026-01-31T00:00:03Z',
    '--yes',
    '--rate',
    '1000/s',
  );
  t.match(some, { exit: 0, stdout: '3 deliveries discarded.\n', stderr: /\[#{24}\] {2}100% {2}3 of 3/ });
  t.equal(await store.redis.zcard(`${store.prefix}:petstore:failed`), 4);
  t.match(await hookline('discard', '--topic', 'none', '--yes'), {
    exit: 0,
    stdout: /^0 deliveries would be discarded: topic=none/,
  });

  const list = await hookline('replays');
  t.equal(list.exit, 0);
  t.match(list.stdout, /^SESSION +ACTION +STATUS +DONE +OF +SKIPPED +BY /);
  t.match(
    list.stdout,
    /discard +done +3 +3 +0 +cli:\S+ .* topic=pet\.adopted until=2026-01-31T00:00:03\.000Z$/m,
  );
  const [latest] = JSON.parse((await hookline('replays', '--json')).stdout) as Array<{ id: string }>;
  t.match(await readSession(store, latest?.id ?? ''), { action: 'discard', done: 3, by: /^cli:./ });
  t.match(await hookline('replays', latest?.id ?? '', '--stop'), { exit: 1, stderr: /has come to its end/ });
});

void t.test('no Redis', async (t) => {
  const { exit, stderr } = await cli(
    t,
    { ...environment, REDIS_URL: 'redis://127.0.0.1:1' },
    'replay',
    '--all',
  );
  t.equal(exit, 1);
  t.match(stderr, /Redis cannot be reached/);
});
