/** The rules of a provider at work, without a network: when it sends again, gives up, blocks, overtakes and repeats. */
import t from 'tap';
import { simulate, type SimulatedEvent, type SimulationOptions } from '../../senders/simulator/provider.js';
import { judge, schedules, type RetrySchedule } from '../../senders/simulator/schedules.js';
import type { Attempt } from '../../senders/traffic/attempt.js';

const petstore = schedules['petstore'] as RetrySchedule;
const pitchpoint = schedules['pitchpoint'] as RetrySchedule;

const answer = (status: number | undefined): Attempt => ({
  status,
  label: status === undefined ? 'ECONNREFUSED' : String(status),
  milliseconds: status === undefined ? undefined : 1,
  headers: {},
});

/** Events that are answered with these statuses in turn, the last of them for ever; and when each was sent. */
function makeEvents(count: number, statuses: (index: number) => Array<number | undefined>) {
  const sent: Array<{ id: string; at: number }> = [];
  const events = Array.from({ length: count }, (_, index): SimulatedEvent => {
    const answers = statuses(index);
    return {
      id: `e${index}`,
      async send() {
        sent.push({ id: `e${index}`, at: performance.now() });
        return answer(answers.length > 1 ? answers.shift() : answers[0]);
      },
    };
  });
  return { events, sent };
}

const options = (more: Partial<SimulationOptions> = {}): SimulationOptions => ({
  schedule: petstore,
  speed: 1_000_000,
  outOfOrder: false,
  duplicates: 0,
  concurrency: 10,
  ...more,
});

void t.test('the schedules are those of the guides', async (t) => {
  const minutes = (schedule: RetrySchedule) => schedule.delays.map((delay) => delay / 60_000);
  t.same(minutes(petstore), [0, 1, 5, 30, 60]);
  t.equal(petstore.timeoutMs, 5_000);
  t.equal(schedules['pce']?.delays.length, 5, 'five tries');
  t.same(
    [200, 204, 300, 401, 404, 499, 500, 503, undefined].map((status) => judge(petstore, status)),
    ['delivered', 'delivered', ...Array.from({ length: 7 }, () => 'retry')],
  );
  const pce = schedules['pce'] as RetrySchedule;
  t.same(
    [200, 403, 499, 500, undefined].map((status) => judge(pce, status)),
    ['delivered', 'delivered', 'delivered', 'retry', 'retry'],
    'SNS takes a 4xx for delivered',
  );
  t.same(
    [200, 302, 403, 500, undefined].map((status) => judge(pitchpoint, status)),
    ['delivered', 'refused', 'refused', 'retry', 'retry'],
  );
});

void t.test('sent again until it is taken, by the schedule', async (t) => {
  const { events, sent } = makeEvents(2, (index) => (index === 0 ? [503, undefined, 200] : [200]));
  const { events: records, blockedBy } = await simulate(events, options({ speed: 1_000 }));
  t.same(records, [
    { id: 'e0', outcome: 'delivered', tries: 3, answers: ['503', 'ECONNREFUSED', '200'] },
    { id: 'e1', outcome: 'delivered', tries: 1, answers: ['200'] },
  ]);
  t.equal(blockedBy, null);
  const [first = 0, second = 0, third = 0] = sent.filter(({ id }) => id === 'e0').map(({ at }) => at);
  // A timer may fire a millisecond early.
  t.ok(second - first >= 59 && third - second >= 299, 'a minute and five, a thousand times as fast');
});

void t.test('an event that uses up its tries has the endpoint blocked, and no more is sent', async (t) => {
  const { events, sent } = makeEvents(50, (index) => (index === 3 ? [503] : [200]));
  const simulation = await simulate(events, options({ concurrency: 1, perSecond: 50 }));
  t.same(simulation.blockedBy, { id: 'e3', answer: '503' });
  t.match(
    simulation.events.find(({ id }) => id === 'e3'),
    { outcome: 'given-up', tries: 5 },
  );
  const withheld = simulation.events.filter(({ outcome }) => outcome === 'withheld');
  t.ok(withheld.length > 0, 'those that came later');
  t.same(
    withheld.filter(({ tries }) => tries > 0),
    [],
  );
  t.equal(simulation.events.length, 50, 'every event is accounted for');
  t.equal(sent.filter(({ id }) => id === 'e3').length, 5);
});

void t.test('a 4xx is final for Pitchpoint', async (t) => {
  const { events } = makeEvents(3, (index) => (index === 1 ? [403, 200] : [200]));
  const { events: records, blockedBy } = await simulate(events, options({ schedule: pitchpoint }));
  t.same(
    records.map(({ outcome, tries }) => [outcome, tries]),
    [
      ['delivered', 1],
      ['refused', 1],
      ['delivered', 1],
    ],
  );
  t.equal(blockedBy, null);
});

void t.test('duplicates and overtaking', async (t) => {
  const { events, sent } = makeEvents(400, () => [200]);
  let halves = 0;
  const simulation = await simulate(
    events,
    options({ outOfOrder: true, duplicates: 0.05, atHalf: async () => void (halves += 1) }),
  );
  t.equal(simulation.duplicatesSent, 20);
  t.equal(sent.length, 420);
  t.equal(halves, 1);
  const first = [...new Set(sent.map(({ id }) => Number(id.slice(1))))];
  const numbers = events.map((_, index) => index);
  t.same(
    first.toSorted((a, b) => a - b),
    numbers,
    'every event is sent',
  );
  t.not(first.join(), numbers.join(), 'in another order');
  const furthest = Math.max(...first.map((number, place) => Math.abs(number - place)));
  t.ok(furthest <= 30, `none is far from its place: ${furthest}`);
});

void t.test('stopped by whoever watches', async (t) => {
  const { events, sent } = makeEvents(100, () => [503]);
  const stop = new AbortController();
  const running = simulate(events, options({ speed: 1, perSecond: 100, signal: stop.signal }));
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  const { events: records, blockedBy } = await running;
  t.ok(records.length < 100, 'no more are started');
  t.ok(records.every(({ outcome }) => outcome === 'withheld'));
  t.equal(blockedBy, null);
});
