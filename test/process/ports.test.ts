/** RECEIVER_PROCESSES: several processes take deliveries on one port, and from outside they are one receiver. */
import t from 'tap';
import { until } from '../support/deliveries.js';
import { isTaken, openLoad, tally } from '../support/load.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, recorder, untilHandled } from './handlers.js';
import { deliveriesIn, end, openLane, pidsOf, runs, sum } from './ports.js';
import {
  countJobs,
  delivery,
  environmentOf,
  exitWithin,
  missing,
  moreThanOnce,
  petstore,
} from './support.js';

t.setTimeout(480_000);

const RECEIVERS = ['receiver-1', 'receiver-2'];

void t.test('as one receiver, and with ROLE=all a process that works', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const environment = { ...environmentOf(store, handlers), ROLE: 'all', RECEIVER_PROCESSES: '2' };
  const hookline = await startHookline(t, environment);
  const { address } = hookline;
  t.same(Object.keys(pidsOf(hookline)).sort(), [...RECEIVERS, 'worker'], 'the log tells their ids');

  // Connections are handed out in turn: one that is opened after another comes to the other process.
  const lanes = [];
  for (let opened = 0; opened < 4; opened += 1) {
    const lane = openLane(t, address);
    await lane.get('/health/live');
    lanes.push(lane);
  }
  const taken: string[] = [];
  for (const lane of [...lanes, ...lanes]) {
    const request = await delivery();
    t.match(await lane.send(request), { status: 200 });
    taken.push(request.id);
  }
  const again = await petstore.request({ topic: 'pet.adopted', data: {} }, { id: 'sent-to-all-at-once' });
  const answers = await Promise.all([...lanes, ...lanes].map((lane) => lane.send(again)));
  const statuses = answers.map(({ body }) => (JSON.parse(body) as { status: string }).status);
  t.same(statuses.sort(), ['accepted', ...Array.from({ length: 7 }, () => 'duplicate')], 'one is the first');
  const forged = await petstore.request({ topic: 'pet.adopted', data: {} }, { tamper: 'signature' });
  for (const lane of lanes) t.match(await lane.send(forged), { status: 401 });

  const answeredBy: string[] = [];
  for (const lane of lanes) {
    const scrape = await lane.get('/metrics');
    const counted = deliveriesIn(scrape);
    t.equal(sum(counted['accepted']), taken.length + 1, 'accepted');
    t.equal(sum(counted['duplicate']), 7, 'duplicate');
    t.equal(sum(counted['refused']), lanes.length, 'refused');
    t.same(Object.keys(counted['accepted'] ?? {}).sort(), RECEIVERS);
    for (const one of RECEIVERS) t.ok(counted['accepted']?.[one], `${one} took some`);
    const meta = Array.from(scrape.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name);
    t.equal(new Set(meta).size, meta.length, 'every metric is described once');
    t.match(
      scrape,
      /^process_resident_memory_bytes\{process="worker"\} /m,
      'the one that works is among them',
    );
    const alike = scrape.match(/^hookline_queue_jobs\{source="petstore",state="failed".*$/gm);
    t.same(alike, ['hookline_queue_jobs{source="petstore",state="failed"} 0'], 'what Redis has is told once');
    // Whoever answers begins with itself.
    answeredBy.push(Object.keys(counted['accepted'] ?? {})[0] ?? '');
  }
  t.same([...new Set(answeredBy)].sort(), RECEIVERS, 'both were asked');

  const { 'receiver-2': frozen = 0 } = pidsOf(hookline);
  const lane = lanes.find((_, index) => answeredBy[index] === RECEIVERS[0]);
  process.kill(frozen, 'SIGSTOP');
  const partial = deliveriesIn((await lane?.get('/metrics')) ?? '');
  t.same(Object.keys(partial['accepted'] ?? {}), [RECEIVERS[0]], 'one that does not answer is left out');
  process.kill(frozen, 'SIGCONT');
  await until('it to be there again', async () => {
    return sum(deliveriesIn((await lane?.get('/metrics')) ?? '')['accepted']) === taken.length + 1;
  });

  hookline.child.kill('SIGHUP');
  const told = () => hookline.lines.filter(({ msg }) => msg === 'secrets were read again');
  await until('every process to have read its secrets again', () => told().length === 3);
  t.same(
    told()
      .map((line) => String(line['process']))
      .sort(),
    [...RECEIVERS, 'worker'],
  );

  const handled = await untilHandled(handlers, taken.length + 1);
  t.same(missing([...taken, again.id], handled), [], 'every delivery was handled');
  t.same(moreThanOnce(handled), [], 'once');

  const pids = Object.values(pidsOf(hookline));
  t.equal(await end(hookline), 0);
  t.equal(hookline.stderr(), '');
  t.same(pids.filter(runs), [], 'no process is left');
});

void t.test('SIGTERM under load: nothing is lost, and further signals change nothing', async (t) => {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'record.mjs': recorder() });
  const environment = { ...environmentOf(store, handlers), ROLE: 'receiver', RECEIVER_PROCESSES: '2' };
  const hookline = await startHookline(t, { ...environment, SHUTDOWN_TIMEOUT: '1m' });
  const pids = Object.values(pidsOf(hookline));

  const load = openLoad(t, { addresses: [hookline.address], connections: 8, patience: 0 });
  const stop = load.sendSteadily(() => delivery(), 25);
  await until('deliveries to be under way', () => load.answers.size > 20);
  for (let signals = 0; signals < 3; signals += 1) hookline.child.kill('SIGTERM');
  t.equal(await exitWithin(hookline.exited), 0);
  t.equal(hookline.stderr(), '');
  t.same(pids.filter(runs), [], 'no process is left');
  await t.rejects(stop(), /was not taken/, 'those that came later find nobody, and are not sent again here');

  t.ok(tally(load.answers)['503'], 'some were told to come again');
  const taken = [...load.answers].filter(([, answers]) => answers.some(isTaken)).map(([id]) => id);
  const jobs = await countJobs(store);
  t.same(missing(taken, jobs), [], 'what was answered 200 has its job');
  t.same(moreThanOnce(jobs), [], 'and one alone');
  const others = Object.keys(tally(load.answers)).filter((answer) => !isTaken(answer));
  t.same(
    others.filter((answer) => !['503', 'ECONNREFUSED', 'ECONNRESET'].includes(answer)),
    [],
    'there was no other answer',
  );
});
