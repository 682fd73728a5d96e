/** `npm run demo -- --once`: every sample of every provider, and what became of it. */
import t, { type Test } from 'tap';
import { openStore, temporaryFolder } from '../support/store.js';
import { run } from './support.js';

const DEMO = 'dist/demo/demo.js';

t.setTimeout(240_000);

interface Line {
  verdict: string;
  source: string;
  what: string;
  answer: string;
  state: string;
}

/** The lines of the table: columns lie at least two blanks apart. */
function readTable(stdout: string): Line[] {
  return stdout
    .split('\n')
    .filter((line) => /^(ok|NOT) /.test(line))
    .map((line) => {
      const [verdict = '', source = '', what = '', answer = '', , state = ''] = line.trim().split(/ {2,}/);
      return { verdict, source, what, answer, state };
    });
}

function checkTable(t: Test, stdout: string): void {
  const lines = readTable(stdout);
  const has = (source: string, answer: string, state: string, what: RegExp) =>
    lines.filter(
      (line) =>
        line.source === source && line.answer === answer && line.state === state && what.test(line.what),
    ).length;
  t.same(
    lines.filter(({ verdict }) => verdict !== 'ok'),
    [],
    'every line as expected',
  );
  t.match(stdout, `All ${lines.length} lines came out as expected.`);

  for (const topic of ['orders/placed', 'orders/updated']) {
    t.ok(has('pitchpoint', '200 accepted', 'completed', new RegExp(`^${topic}`)), `pitchpoint ${topic}`);
  }
  t.equal(has('pce', '401', 'completed', /^subscription, first leg/), 1, "pce's confirmation, first leg");
  t.equal(has('pce', '200 accepted', 'completed', /^subscription, second leg/), 1, 'and second leg');
  t.ok(has('pce', '200 accepted', 'completed', /^(?!subscription)/), 'a notification of pce');
  for (const topic of [
    'pet.adopted',
    'pet.status_changed',
    'order.created',
    'order.status_changed',
    'payment.succeeded',
    'payment.failed',
  ]) {
    t.ok(has('petstore', '200 accepted', 'completed', new RegExp(`^${topic}$`)), `petstore ${topic}`);
  }
  for (const [source, refusal] of [
    ['pitchpoint', '403'],
    ['pce', '403'],
    ['petstore', '401'],
  ] as const) {
    t.equal(has(source, '200 duplicate', 'completed', /once more/), 1, `a duplicate of ${source}`);
    t.equal(has(source, refusal, 'not stored', /^(?!.*first leg)/), 1, `a forgery of ${source}`);
  }
}

void t.test('on the embedded store', async (t) => {
  const environment: Record<string, string> = { DATA_DIR: await temporaryFolder(t) };
  if (process.env['EMBEDDED_STORE']) environment['EMBEDDED_STORE'] = process.env['EMBEDDED_STORE'];
  const { exit, stdout, stderr } = await run(t, DEMO, ['--once'], environment);
  t.equal(exit, 0);
  t.equal(stderr, '');
  t.match(stdout, /^Starting Hookline on the embedded store/m);
  checkTable(t, stdout);
});

void t.test('on REDIS_URL', async (t) => {
  const { url } = await openStore(t);
  const { exit, stdout, stderr } = await run(t, DEMO, ['--once'], { REDIS_URL: url });
  t.equal(exit, 0);
  t.equal(stderr, '');
  t.match(stdout, /^Starting Hookline on REDIS_URL/m);
  checkTable(t, stdout);
});
