/**
 * `npm run test:scrape`: Debian's `prometheus` scrapes two receivers and two workers on loopback,
 * and its sums must be the sender's own count. Not part of the suite; about half a minute.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { Tally } from '../../senders/traffic/tally.js';
import { until } from '../support/deliveries.js';
import { handlersFolder } from '../support/ledger.js';
import { Script } from '../support/owner.js';
import { startHookline } from '../support/process.js';
import { openOwnStore, temporaryFolder } from '../support/store.js';
import { freePort } from '../process/relay.js';

const EVENTS = 600;
/** Enough for a few scrapes after the last count, on a slow machine. */
const PATIENCE = 60_000;

const sender = createPetstoreSender({ secret: 'the secret of a scrape' });
// Each third event fails at first.
const HANDLER = `export default { source: 'petstore', topic: 'pet.*', attempts: 3, backoff: { delay: 0 },
  handle({ payload }, { attempt }) { if (payload.data.n % 3 === 0 && attempt === 1) throw new Error('not at first'); } };`;

await Script.run(async (script) => {
  const shared = {
    ...sender.environment,
    REDIS_URL: await openOwnStore(script),
    HANDLERS_DIR: await handlersFolder(script, undefined, { 'pets.mjs': HANDLER }),
  };
  const receivers = await Promise.all(
    [1, 2].map(async () => (await startHookline(script, { ...shared, ROLE: 'receiver' })).address),
  );
  const workers = await Promise.all(
    [1, 2].map(async () => {
      const port = String(await freePort());
      await startHookline(script, { ...shared, ROLE: 'worker', WORKER_PORT: port });
      return `http://127.0.0.1:${port}`;
    }),
  );
  const all = [...receivers, ...workers];
  const query = await startPrometheus(script, all);
  await until('all to be scraped', async () => (await query('sum(up)')) === 4, PATIENCE);

  const answers = (await send(receivers)).summary().answers;
  const accepted = answers['200 accepted'] ?? 0;
  const failing = Math.ceil(EVENTS / 3);
  const expected: Array<[what: string, expression: string, count: number]> = [
    ['accepted', 'sum(hookline_deliveries_total{outcome="accepted"})', accepted],
    ['duplicates', 'sum(hookline_deliveries_total{outcome="duplicate"})', answers['200 duplicate'] ?? 0],
    ['refused', 'sum(hookline_deliveries_total{outcome="refused"})', answers['401'] ?? 0],
    ['refusals by cause', 'sum(hookline_refusals_total)', answers['401'] ?? 0],
    [
      'answers',
      'sum(hookline_acknowledgement_seconds_count)',
      Object.values(answers).reduce((a, b) => a + b),
    ],
    ['handled', 'sum(hookline_handler_attempts_total{outcome="completed"})', accepted],
    ['retried', 'sum(hookline_handler_attempts_total{outcome="retried"})', failing],
    ['attempts', 'sum(hookline_handler_seconds_count)', accepted + failing],
    ['arrival to handled', 'sum(hookline_arrival_to_handled_seconds_count)', accepted],
    ['completed jobs, once', 'sum(source_state:hookline_queue_jobs:max{state="completed"})', accepted],
    ['processes that counted handling', 'count(sum by (instance) (hookline_handler_seconds_count) > 0)', 2],
    ['receivers that counted', 'count(sum by (instance) (hookline_acknowledgement_seconds_count) > 0)', 2],
  ];
  const found = async () => Promise.all(expected.map(([, expression]) => query(expression)));
  const same = async () => (await found()).every((value, index) => value === expected[index]?.[2]);
  const sound = await until('the sums', same, PATIENCE).then(
    () => true,
    () => false,
  );
  const values = await found();
  console.table(expected.map(([what, , sent], index) => ({ what, sender: sent, prometheus: values[index] })));
  return (await Promise.all(all.map(checkMetrics))).every(Boolean) && sound;
});

/** New events, a tenth of them twice and a twentieth forged, to one receiver and the other by turns. */
async function send(receivers: string[]): Promise<Tally> {
  const tally = new Tally();
  const deliver = async (n: number, options: { id?: string; tamper?: 'signature' }) => {
    const request = await sender.request({ topic: 'pet.adopted', data: { n } }, options);
    const answer = await post(String(receivers[tally.count % receivers.length]), request, {
      timeoutMs: 20_000,
    });
    const { status } = JSON.parse(answer.body) as { status?: string };
    tally.add([answer.status, status].filter(Boolean).join(' '));
    return request.id;
  };
  for (let n = 0; n < EVENTS; n += 1) {
    const id = await deliver(n, {});
    if (n % 10 === 0) await deliver(n, { id });
    if (n % 20 === 0) await deliver(n, { tamper: 'signature' });
  }
  return tally;
}

/** Answers a function that gives the value of an expression, `undefined` where there is none. */
async function startPrometheus(script: Script, targets: string[]) {
  const folder = await temporaryFolder(script);
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [path.resolve('deploy/observability/hookline.rules.yml')],
    scrape_configs: [
      {
        job_name: 'hookline',
        static_configs: [{ targets: targets.map((address) => new URL(address).host) }],
      },
    ],
  };
  // JSON is YAML.
  await writeFile(path.join(folder, 'prometheus.yml'), JSON.stringify(config));
  const listen = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${path.join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${path.join(folder, 'data')}`,
    `--web.listen-address=${listen}`,
    '--log.level=warn',
  ];
  const prometheus = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(prometheus, 'exit');
  script.teardown(async () => {
    prometheus.kill('SIGTERM');
    await ended;
  });
  const ready = async () => (await fetch(`http://${listen}/-/ready`).catch(() => undefined))?.ok ?? false;
  await until('prometheus to be ready', ready, PATIENCE);
  return async (expression: string): Promise<number | undefined> => {
    const response = await fetch(`http://${listen}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data } = (await response.json()) as { data: { result: Array<{ value: [number, string] }> } };
    const [first] = data.result;
    return first && Number(first.value[1]);
  };
}

async function checkMetrics(address: string): Promise<boolean> {
  const input = await (await fetch(`${address}/metrics`)).text();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  console.log(`promtool check metrics < ${address}/metrics: exit ${status}`, stdout + stderr);
  return status === 0;
}
