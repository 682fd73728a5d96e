/**
 * Petstore's own schedule, compressed, against a receiver that goes away. `SIMULATE_EVENTS=500` for the full size.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { describeReport } from '../../cli/simulate/describe.js';
import { freePort } from '../process/relay.js';
import { until } from '../support/deliveries.js';
import { EVENTS, handledTwice, setStage } from './support.js';

const SPEED = 300;
/** Events a second: seconds pass between the first that is handled and the last that is sent, however slow the machine. */
const RATE = 20;
/** Milliseconds: the first two pauses of the schedule, 1 min and 5 min. */
const TWO_INTERVALS = (6 * 60_000) / SPEED;

t.setTimeout(300_000);

void t.test('a receiver that is away for two retry intervals loses nothing', async (t) => {
  const stage = await setStage(t, 'petstore');
  const first = await stage.start();
  const simulation = stage.simulate(
    `--events ${EVENTS} --speed ${SPEED} --rate ${RATE} --duplicates 5% --settle 60s`,
  );
  await until('some events to be handled', () => stage.ledger.read().length >= EVENTS / 20);
  first.child.kill('SIGTERM');
  t.equal(await first.exited, 0);
  t.ok(stage.ledger.read().length < EVENTS, 'it was stopped in mid-run');
  await sleep(TWO_INTERVALS);
  await stage.start();

  const { exit, report, stderr } = await simulation;
  t.comment(describeReport(report));
  t.equal(exit, 0, report.findings.join('\n'));
  t.equal(stderr, '');
  t.match(report, { events: EVENTS, delivered: EVENTS, refused: 0, givenUp: 0, withheld: 0, blocked: false });
  t.ok(report.retried > 0, `${report.retried} events needed more than one try`);
  t.match(report.receiver, { handled: EVENTS, failed: 0, pending: 0, lost: 0, handledTwice: 0 });
  t.equal(stage.ledger.read().length, EVENTS, 'the handler was given as many');
  t.same(handledTwice(stage.ledger), [], 'each of them once');
});

void t.test('a receiver that is away for the whole schedule has its endpoint disabled', async (t) => {
  const stage = await setStage(t, 'petstore');
  const target = await stage.start({ ROLE: 'receiver' });
  // What became of the events is asked elsewhere, as the target is away for good.
  const port = await freePort();
  await stage.start({ PORT: String(port) });
  const simulation = stage.simulate(
    `--events ${EVENTS} --speed 2400 --rate ${RATE} --admin-url http://127.0.0.1:${port}`,
  );
  await until('some events to be handled', () => stage.ledger.read().length >= EVENTS / 20);
  target.child.kill('SIGTERM');

  const { exit, report } = await simulation;
  const text = describeReport(report);
  t.comment(text);
  t.equal(exit, 1);
  t.equal(report.blocked, true);
  t.match(
    report.findings[0],
    /The endpoint is BLOCKED: petstore has disabled it, as \S+ failed 5 times, at last with (?:ECONNREFUSED|503); \d+ events were not sent. Mend the receiver, then "hookline endpoints enable <id>"/,
  );
  t.match(text, /^endpoint +BLOCKED$/m);
  const handled = stage.ledger.read().length;
  t.match(report.receiver, { handled, failed: 0, pending: 0, lost: EVENTS - handled, handledTwice: 0 });
  t.ok(report.delivered <= handled, 'what was answered 200 was handled');
  t.equal(report.delivered + report.givenUp + report.withheld, EVENTS, 'every event is accounted for');
  t.ok(report.givenUp >= 1);
});
