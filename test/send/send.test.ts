/** `hookline send` to a receiver: what it sends is taken, what it spoils is refused, and it says which. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { TallySummary } from '../../senders/traffic/tally.js';
import { freePort } from '../process/relay.js';
import { lookUp, untilState } from '../support/deliveries.js';
import { runHookline, runJson } from '../support/run-hookline.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

type Sent = TallySummary & { url: string; sent: number; unexpected: number };

t.setTimeout(300_000);

const DATA_DIR = await temporaryFolder(t);
const environment = {
  DATA_DIR,
  PETSTORE_WEBHOOK_SECRET: 'a secret of the senders',
  PCE_BASIC_USER: 'pce',
  PCE_BASIC_PASSWORD: 'of-pce',
};
/** Sources whose senders serve keys: one at a time on their port. */
const ports: Record<string, string> = { pitchpoint: String(await freePort()), pce: String(await freePort()) };
const portOf = (source: string) => (ports[source] ? ['--key-server-port', ports[source]] : []);

/** What `--print-env` prints, as `export $(…)` reads it. */
async function trusted(source: string): Promise<Record<string, string>> {
  const args = ['send', source, '--print-env', ...portOf(source)];
  const { exit, stdout, stderr } = await runHookline(t, args, { env: environment });
  if (exit !== 0) throw new Error(stderr);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2)),
  ) as Record<string, string>;
}

const [pitchpoint, pce] = await Promise.all([trusted('pitchpoint'), trusted('pce')]);
const receiver = await startTestService(t, await openStore(t), { ...environment, ...pitchpoint, ...pce });
const url = `${receiver.address}/webhooks/petstore`;

async function send(source: string, args: string[]) {
  const all = ['send', source, ...args, '--url', receiver.address, ...portOf(source)];
  const { exit, json, stderr } = await runJson<Sent>(t, all, { env: environment });
  return { exit, stderr, ...json };
}

void t.test('many, some twice, at a rate', async (t) => {
  const started = performance.now();
  const args = ['order.created', '--count', '40', '--duplicates', '10%', '--rate', '40'];
  const { exit, answers, sent, unexpected, latency } = await send('petstore', args);
  t.ok(performance.now() - started >= 900, '40 at 40 a second do not take less');
  t.same([exit, sent, unexpected, answers], [0, 44, 0, { '200 accepted': 40, '200 duplicate': 4 }]);
  t.ok(latency && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
});

void t.test('one, with an id and a payload of its own', async (t) => {
  const file = path.join(DATA_DIR, 'data.json');
  await writeFile(file, '{"mine":true}');
  t.match(await send('petstore', ['pet.mine', '--id', 'evt_mine', '--data', file]), {
    exit: 0,
    answers: { '200 accepted': 1 },
  });
  t.match(await lookUp(receiver.address, 'petstore', 'evt_mine'), { topic: 'pet.mine' });
});

void t.test('what is spoilt is refused, and that is well', async (t) => {
  const spoilt = async (source: string, tamper: string, status: string) => {
    const result = await send(source, ['--tamper', tamper, '--count', '3']);
    t.same([result.exit, result.answers, result.unexpected], [0, { [status]: 3 }, 0], `${source} ${tamper}`);
  };
  const inTurn = async (source: string, tampers: string[], status: string) => {
    for (const tamper of tampers) await spoilt(source, tamper, status);
  };
  await Promise.all([
    inTurn('petstore', ['body', 'signature', 'token'], '401'),
    inTurn('pitchpoint', ['signature', 'token'], '403'),
    inTurn('pce', ['body'], '403'),
  ]);
  const nobody = await runHookline(t, ['send', 'pitchpoint', '--tamper', 'body', ...portOf('pitchpoint')], {
    env: environment,
  });
  t.match(nobody, { exit: 1, stderr: /Pitchpoint signs no body/ });
});

void t.test('with keys that are the same in every run', async (t) => {
  await Promise.all([
    (async () => {
      for (const topic of ['orders/placed', 'orders/updated']) {
        const args = [topic, '--id', topic.replace('/', '-'), '--tenant', 'OU7', '--sub-topic', 'a/b'];
        t.match(await send('pitchpoint', args), { exit: 0, answers: { '200 accepted': 1 } });
      }
      t.match(await lookUp(receiver.address, 'pitchpoint', 'orders-placed'), {
        tenantId: 'OU7',
        subTopic: 'a/b',
      });
    })(),
    (async () => {
      const { exit, stderr } = await send('pce', ['SubscriptionConfirmation', '--id', 'handshake']);
      t.same([exit, stderr], [0, 'The receiver has confirmed the subscription.\n']);
      await untilState(receiver.address, 'pce', 'handshake', 'completed');
    })(),
  ]);
});

void t.test('a receiver that does not take them', async (t) => {
  const stranger = { ...environment, PETSTORE_WEBHOOK_SECRET: 'another secret' };
  const [refused, away, mistaken] = await Promise.all([
    runHookline(t, ['send', 'petstore', '--url', url], { env: stranger }),
    runHookline(t, ['send', 'petstore', '--url', `http://127.0.0.1:${await freePort()}`], {
      env: environment,
    }),
    runHookline(t, ['send', 'petstore', '--count', '2', '--id', 'x'], { env: environment }),
  ]);
  t.match(refused, { exit: 1, stdout: /^401 +1$/m, stderr: /its log says why.*--print-env/ });
  t.match(away, {
    exit: 1,
    stdout: /^ECONNREFUSED +1$/m,
    stderr: /1 were not taken. Is the receiver at http/,
  });
  t.match(mistaken, { exit: 1, stderr: /--id is for one delivery/ });
});
