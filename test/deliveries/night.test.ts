/**
 * A bug fails a night's events; it is mended; they are replayed by the command line, which is interrupted, killed
 * and resumed. All processes are real. `REPLAY_EVENTS=4000 npx tap test/deliveries/night.test.ts` is the full size.
 */
import t, { type Test } from 'tap';
import { Redis } from 'ioredis';
import { until } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { brokenHandlers, cli, deliver, petstore, startCli, startProgram, type Running } from './support.js';

const EVENTS = Number(process.env['REPLAY_EVENTS'] ?? 300);
/** Slow enough that a small number of events leaves time to interrupt. */
const RATE = EVENTS >= 1_000 ? '200/s' : '50/s';
const TOPIC = 'order.created';
t.setTimeout(600_000);

/** Sends so many, twenty at a time. */
async function deliverMany(address: string, topic: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_one, number) => `${topic}-${number}`);
  for (let start = 0; start < count; start += 20) {
    await Promise.all(ids.slice(start, start + 20).map((id) => deliver(address, topic, id)));
  }
  return ids;
}

const doneIn = (text: string): number => {
  const figures = [...text.matchAll(/([\d,]+) of [\d,]+/g)].map(([, done = '0']) =>
    Number(done.replaceAll(',', '')),
  );
  return figures.at(-1) ?? 0;
};

const sessionIn = ({ stderr, stdout }: Running): string =>
  /Session (\S+),/.exec(stderr() + stdout())?.[1] ?? '';

async function night(t: Test, name: string) {
  const server = await openStore(t);
  const store = { ...server, prefix: `${server.prefix}-${name}` };
  const handlers = await brokenHandlers(t);
  const environment = {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    HANDLERS_DIR: handlers.folder,
    ...petstore.environment,
  };
  const { address } = await startHookline(t, environment);
  const wanted = await deliverMany(address, TOPIC, EVENTS);
  const others = await deliverMany(address, 'pet.adopted', 20);
  const redis = new Redis(store.url);
  t.teardown(() => redis.disconnect());
  const failed = () => redis.zcard(`${store.prefix}:petstore:failed`);
  await until('all to have failed', async () => (await failed()) === wanted.length + others.length, 120_000);
  await handlers.mend();

  /** Nothing but the events of the topic was handled, each of them once. */
  async function check(t: Test): Promise<void> {
    const size = async () => [...(await handlers.handled()).values()].reduce((sum, one) => sum + one, 0);
    await until('all to be handled', async () => (await size()) >= EVENTS, 120_000);
    await until('nothing to wait', async () => (await redis.llen(`${store.prefix}:petstore:wait`)) === 0);
    await until(
      'nothing to be in hand',
      async () => (await redis.llen(`${store.prefix}:petstore:active`)) === 0,
    );
    const handled = await handlers.handled();
    t.same([...handled.keys()].toSorted(), wanted.toSorted(), `all ${EVENTS} events are handled`);
    t.same(
      [...handled].filter(([, count]) => count !== 1),
      [],
      'none twice',
    );
    t.equal(await failed(), others.length, 'and the others still wait for somebody to deal with them');
  }
  /** How far a session is, by its record. */
  const doneBy = async (id: string) => Number(await redis.hget(`${store.prefix}:replays:${id}`, 'done'));
  return { environment, doneBy, check };
}

void t.test('interrupted with Ctrl-C and resumed', async (t) => {
  const { environment, doneBy, check } = await night(t, 'interrupted');
  const dry = await cli(t, environment, 'replay', '--topic', TOPIC, '--dry-run');
  t.match(dry, {
    exit: 0,
    stdout: new RegExp(`^${EVENTS.toLocaleString('en-GB')} deliveries would be replayed`),
  });

  const first = startCli(t, environment, 'replay', '--topic', TOPIC, '--rate', RATE);
  await until('its session', () => sessionIn(first) !== '');
  const id = sessionIn(first);
  await until('a third to be replayed', async () => (await doneBy(id)) >= EVENTS / 3, 60_000);
  first.child.kill('SIGINT');
  t.equal(await first.exited, 130);
  t.match(first.stdout(), `Go on with: hookline replay --resume ${id}`);
  const done = Number(/^([\d,]+) deliver/.exec(first.stdout())?.[1]?.replaceAll(',', ''));
  t.ok(done >= EVENTS / 3 && done < EVENTS, `${done} were replayed when it stopped`);

  const second = await cli(t, environment, 'replay', '--resume', id, '--rate', '200/s');
  t.match(second, { exit: 0, stdout: `${EVENTS.toLocaleString('en-GB')} deliveries replayed.\n` });
  t.match(second.stderr, /\[#+-*\] {2}\d+% {2}[\d,]+ of [\d,]+ {2}\d+\/s/, 'progress is shown');
  t.equal(doneIn(second.stderr), EVENTS);
  await check(t);
  t.match(await cli(t, environment, 'replay', '--resume', id), { exit: 1, stderr: /has come to its end/ });
});

void t.test('killed, three times, and resumed', async (t) => {
  const { environment, doneBy, check } = await night(t, 'killed');
  let args = ['--topic', TOPIC, '--rate', RATE, '--json'];
  let id = '';
  for (let kills = 1; kills <= 3; kills += 1) {
    const running = startCli(t, environment, 'replay', ...args);
    await until('its session', () => sessionIn(running) !== '');
    id = sessionIn(running);
    await until('some to be replayed', async () => (await doneBy(id)) >= (EVENTS * kills) / 4, 60_000);
    running.child.kill('SIGKILL');
    t.equal(await running.exited, 'SIGKILL');
    args = ['--resume', id, '--rate', RATE, '--json'];
  }
  const last = await cli(t, environment, 'replay', ...args);
  t.equal(last.exit, 0);
  t.match(JSON.parse(last.stdout), { id, status: 'done', done: EVENTS, skipped: 0, total: EVENTS });
  await check(t);
});

void t.test('on a terminal: asked, and a bar that is drawn over', async (t) => {
  const { environment, check } = await night(t, 'terminal');
  const command = `'${process.execPath}' dist/cli/hookline.js replay --topic ${TOPIC} --rate 1000/s`;
  // util-linux' script gives it a terminal; its standard input is what is typed there.
  const onTerminal = (typed: string) =>
    startProgram(t, environment, 'sh', '-c', `printf '${typed}\\n' | script -qec "${command}" /dev/null`);
  const probe = startProgram(t, {}, 'script', '--version');
  const there = await Promise.race([
    probe.exited,
    new Promise((resolve) => probe.child.once('error', () => resolve(1))),
  ]);
  if (there !== 0) {
    t.comment('there is no program script here');
    return;
  }
  const refused = onTerminal('n');
  await refused.exited;
  t.match(refused.stdout(), `Replay ${EVENTS.toLocaleString('en-GB')} deliveries (topic=${TOPIC})? [y/N]`);
  t.match(refused.stdout(), 'Nothing was changed.');
  const agreed = onTerminal('y');
  await agreed.exited;
  t.match(agreed.stdout(), /\r.\[K\[#+-*\] {2}\d+% {2}/, 'the bar');
  t.match(agreed.stdout(), `[########################]  100%  ${EVENTS.toLocaleString('en-GB')} of`);
  await check(t);
});
