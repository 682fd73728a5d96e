/** Pitchpoint over a change of its signing key. `SIMULATE_EVENTS=500` for the full size. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { describeReport } from '../../cli/simulate/describe.js';
import { runHookline } from '../support/run-hookline.js';
import { temporaryFolder } from '../support/store.js';
import { EVENTS, handledTwice, setStage } from './support.js';

t.setTimeout(300_000);

void t.test('a new signing key after half of the events: none is refused', async (t) => {
  const stage = await setStage(t, 'pitchpoint');
  const file = path.join(stage.environment['DATA_DIR'] ?? '', 'senders', 'pitchpoint.json');
  const kids = async () => {
    const { keys } = JSON.parse(await readFile(file, 'utf8')) as { keys: Array<{ kid: string }> };
    return keys.map(({ kid }) => kid);
  };
  const [before] = await kids();
  await stage.start();
  const { exit, report, stderr } = await stage.simulate(
    `--events ${EVENTS} --rotate-keys --duplicates 5% --speed 60 --settle 60s`,
  );
  t.comment(describeReport(report));
  t.same([exit, stderr], [0, ''], report.findings.join('\n'));
  const [now, beside] = await kids();
  t.not(now, before, 'the key was changed');
  t.equal(beside, before, 'and the old one is served beside it');
  t.match(report, { events: EVENTS, delivered: EVENTS, refused: 0, givenUp: 0, blocked: false });
  // The receiver may have looked for keys before they were served, and then takes none for a second: 503.
  t.same(
    Object.keys(report.answers).filter((one) => !/^(?:200 accepted|200 duplicate|503)$/.test(one)),
    [],
    'not one refusal',
  );
  t.match(report.receiver, { handled: EVENTS, failed: 0, lost: 0, handledTwice: 0 });
  t.equal(stage.ledger.read().length, EVENTS);
  t.same(handledTwice(stage.ledger), []);
});

void t.test('a receiver that trusts somebody else refuses, and that is told', async (t) => {
  const stage = await setStage(t, 'pitchpoint');
  await stage.start({ PITCHPOINT_AUDIENCE: 'somebody-else' });
  // The sender takes the audience that it is given: here the receiver's own is another.
  const { exit, report } = await stage.simulate('--events 3');
  t.equal(exit, 1);
  t.match(report, { refused: 3, delivered: 0, retried: 0, answers: { 403: 3 }, receiver: { lost: 3 } });
  t.match(report.findings[0], /3 events were refused and will not be sent again/);
});

void t.test('mistakes on the command line', async (t) => {
  const cases: Array<[args: string[], message: RegExp]> = [
    [['petstore', '--rotate-keys'], /--rotate-keys is for pitchpoint only/],
    [['petstore', '--events', 'many'], /--events wants a whole number from 1 to 1000000; given: many/],
    [['petstore', '--speed', '0'], /--speed wants a number above 0/],
    [['petshop'], /There is no sender for petshop. Known: petstore, pce, pitchpoint/],
  ];
  const env = { DATA_DIR: await temporaryFolder(t), PETSTORE_WEBHOOK_SECRET: 'a secret' };
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { exit, stderr } = await runHookline(t, ['simulate', ...args], { env });
      t.equal(exit, 1, args.join(' '));
      t.match(stderr, message);
      t.notMatch(stderr, /^\s+at /m, 'no stack');
    }),
  );
});
