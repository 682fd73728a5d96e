/** /metrics: text that Prometheus takes, with the counts that came about. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const handlers = await temporaryFolder(t);
await writeFile(
  path.join(handlers, 'adopted.mjs'),
  `export default { source: 'petstore', topic: 'pet.*', attempts: 2, backoff: { delay: 0 }, handle({ payload }) {
    if (payload.data.fail) throw new Error('no');
  } };`,
);
const { address } = await startTestService(t, store, {
  ...sender.environment,
  HANDLERS_DIR: handlers,
  SHUTDOWN_TIMEOUT: '100ms',
});

async function scrape() {
  const answer = await fetch(`${address}/metrics`);
  return { type: answer.headers.get('content-type'), text: await answer.text(), status: answer.status };
}

/** The value of one series, its labels in any order. */
function valueOf(text: string, name: string, labels: Record<string, string>): number | undefined {
  for (const line of text.split('\n')) {
    const [, given, list = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const wanted = Object.entries(labels).map(([label, content]) => `${label}="${content}"`);
    if (given === name && list.split(',').sort().join() === wanted.sort().join()) return Number(value);
  }
  return undefined;
}

async function send(options: Parameters<typeof sender.request>[1], topic = 'pet.adopted') {
  const request = await sender.request({ topic, data: {} }, options);
  await post(address, request, { timeoutMs: 10_000 });
  return request.id;
}

void t.test('the text format, version 0.0.4', async (t) => {
  await send({});
  const { status, type, text } = await scrape();
  t.equal(status, 200);
  t.match(type, /^text\/plain; ?(?=.*version=0\.0\.4)/);
  t.ok(text.endsWith('\n'), 'ends with a line feed');
  t.notMatch(text, /\r/);

  const types = new Map<string, string>();
  const helps = new Set<string>();
  const series = new Set<string>();
  for (const line of text.split('\n').filter(Boolean)) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const sample = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/.exec(line);
    if (meta) {
      const [, kind, name = '', rest = ''] = meta;
      if (kind === 'HELP' ? helps.has(name) : types.has(name)) t.fail(`${kind} of ${name} twice`);
      if (kind === 'HELP') helps.add(name);
      else types.set(name, rest);
    } else if (sample) {
      const [, name = '', labels = '', value = ''] = sample;
      if (series.has(name + labels)) t.fail(`${name}${labels} twice`);
      series.add(name + labels);
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      if (!types.has(family) || !helps.has(family)) t.fail(`${name} before its TYPE and HELP`);
      if (!/^(?:[+-]?Inf|NaN)$/.test(value) && Number.isNaN(Number(value))) t.fail(line);
    } else t.fail(`not a line of the format: ${line}`);
  }
  t.ok(series.size > 20, 'something was looked at');
  for (const name of types.keys()) t.match(name, /^(hookline|nodejs|process)_/, 'names say whose they are');
});

void t.test('counts', async (t) => {
  const before = (await scrape()).text;
  const id = await send({});
  await send({ id });
  await send({ id });
  await send({ tamper: 'signature' });
  await send({ tamper: 'token' });
  const unsigned = await sender.request({ topic: 'pet.adopted', data: {} });
  await post(address, { ...unsigned, headers: {} }, { timeoutMs: 10_000 });
  const failing = await send({ data: { fail: true } });
  const unknown = await send({}, 'nobody.handles.this');
  for (const ended of [id, failing, unknown]) await untilState(address, 'petstore', ended);

  const grown: Array<[name: string, labels: Record<string, string>, by: number]> = [
    ['hookline_deliveries_total', { outcome: 'accepted' }, 3],
    ['hookline_deliveries_total', { outcome: 'duplicate' }, 2],
    ['hookline_deliveries_total', { outcome: 'refused' }, 3],
    ['hookline_refusals_total', { cause: 'wrong-secret' }, 2],
    ['hookline_refusals_total', { cause: 'missing-signature' }, 1],
    ['hookline_acknowledgement_seconds_count', {}, 8],
    ['hookline_handler_attempts_total', { topic: 'pet.*', outcome: 'completed' }, 1],
    ['hookline_handler_attempts_total', { topic: 'pet.*', outcome: 'retried' }, 1],
    ['hookline_handler_attempts_total', { topic: 'pet.*', outcome: 'failed' }, 1],
    ['hookline_handler_attempts_total', { topic: 'none', outcome: 'quarantined' }, 1],
    ['hookline_handler_seconds_count', { topic: 'pet.*' }, 3],
    ['hookline_arrival_to_handled_seconds_count', {}, 1],
    ['hookline_queue_jobs', { state: 'failed' }, 2],
    ['hookline_queue_jobs', { state: 'completed' }, 1],
  ];
  const differences = (text: string) =>
    grown.map(([name, labels]) => {
      const all = { source: 'petstore', ...labels };
      return (valueOf(text, name, all) ?? 0) - (valueOf(before, name, all) ?? 0);
    });
  await until('the last attempt to be counted', async () => {
    return differences((await scrape()).text).join() === grown.map(([, , by]) => by).join();
  }).catch(() => undefined);
  const after = differences((await scrape()).text);
  grown.forEach(([name, labels, by], index) =>
    t.equal(after[index], by, `${name} ${JSON.stringify(labels)}`),
  );
});

void t.test('Redis, the loop and what waits', async (t) => {
  const { text } = await scrape();
  const value = (name: string, labels: Record<string, string> = {}) => valueOf(text, name, labels);
  const writes = value('hookline_accept_write_seconds_count', { source: 'petstore', outcome: 'ok' }) ?? 0;
  t.ok(writes >= 1, `${writes} writes that accepted`);
  t.ok((value('hookline_redis_memory_used_bytes') ?? 0) > 10_000);
  t.equal(value('hookline_queue_oldest_waiting_seconds', { source: 'petstore' }), 0, 'nothing waits');
  await until('a look at the event loop', async () => {
    return (valueOf((await scrape()).text, 'hookline_event_loop_delay_seconds_count', {}) ?? 0) > 0;
  });
});

void t.test('what a sender writes makes no series', async (t) => {
  await send({ id: 'id-of-a-sender' }, 'topic-of-a-sender');
  await untilState(address, 'petstore', 'id-of-a-sender');
  await fetch(`${address}/webhooks/path-of-a-sender`, { method: 'POST' });
  t.notMatch((await scrape()).text, /of-a-sender/);
});
