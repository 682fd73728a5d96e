/** PCE from the handshake to the last notification, with and without Basic auth. `SIMULATE_EVENTS=500` for the full size. */
import t from 'tap';
import { describeReport } from '../../cli/simulate/describe.js';
import { EVENTS, handledTwice, setStage } from './support.js';

const BASIC = { PCE_BASIC_USER: 'pce', PCE_BASIC_PASSWORD: 'a password, with "quotes"' };

t.setTimeout(300_000);

for (const [name, settings] of Object.entries({ 'without Basic auth': {}, 'with Basic auth': BASIC })) {
  void t.test(name, async (t) => {
    const stage = await setStage(t, 'pce', settings);
    await stage.start();
    const { exit, report, stderr } = await stage.simulate(
      `--events ${EVENTS} --speed 60 --rate 100 --duplicates 5% --out-of-order --settle 60s`,
    );
    t.comment(describeReport(report));
    t.same([exit, stderr], [0, ''], report.findings.join('\n'));
    t.match(report, { confirmed: true, events: EVENTS, delivered: EVENTS, refused: 0, blocked: false });
    t.equal(report.duplicatesSent, Math.round(EVENTS * 0.05));
    t.match(report.receiver, { handled: EVENTS, failed: 0, lost: 0, handledTwice: 0 });
    t.equal(stage.ledger.read().length, EVENTS);
    t.same(handledTwice(stage.ledger), []);

    const metrics = await (await fetch(`${stage.url}/metrics`)).text();
    const challenged = /hookline_refusals_total\{source="pce",cause="credentials-missing"\} (\d+)/.exec(
      metrics,
    );
    t.equal(
      Number(challenged?.[1] ?? 0),
      settings === BASIC ? EVENTS + report.duplicatesSent + 1 : 0,
      'with Basic auth every message came without credentials first, the handshake included',
    );
  });
}

void t.test('without a confirmation nothing is sent', async (t) => {
  const stage = await setStage(t, 'pce');
  await stage.start({ ROLE: 'receiver' });
  const { exit, report } = await stage.simulate('--events 5 --settle 1s');
  t.equal(exit, 1);
  t.match(report, { confirmed: false, delivered: 0, answers: {} });
  t.match(report.findings[0], /The subscription was not confirmed.*A worker must be running/);
  t.match(describeReport(report), /^subscription +NOT confirmed$/m);
});

void t.test('nor with credentials that are not those of the receiver', async (t) => {
  const stage = await setStage(t, 'pce', BASIC);
  await stage.start({ PCE_BASIC_PASSWORD: 'another' });
  const { exit, report } = await stage.simulate('--events 5');
  t.equal(exit, 1);
  t.match(report, { confirmed: false, delivered: 0 });
  t.match(report.findings[0], /The receiver answered 401; its log names the likely cause/);
});
