/** Without a collector: OpenTelemetry is not loaded, and a sender's trace can be followed all the same. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { traceHeadersOf, traceIdOf } from '../../lib/tracing/trace-context.js';
import { untilState } from '../support/deliveries.js';
import { BARE_NODE, ENV } from '../support/bare-node.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SENDERS = `00-${TRACE}-00f067aa0ba902b7-01`;
const petstore = createPetstoreSender({ secret: 'a-test-secret' });

async function handled(address: string, headers: Record<string, string> = {}): Promise<SignedRequest> {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} });
  const sent = { ...request, headers: { ...request.headers, ...headers } };
  const { status } = await post(address, sent, { timeoutMs: 60_000 });
  if (status !== 200) throw new Error(String(status));
  await untilState(address, 'petstore', request.id, 'completed');
  return request;
}

void t.test('what is a traceparent', async (t) => {
  // The example of the specification.
  t.equal(traceIdOf(SENDERS), TRACE);
  for (const wrong of [
    undefined,
    '',
    [SENDERS],
    SENDERS.toUpperCase(),
    SENDERS.replace('00-', 'ff-'),
    SENDERS.replace(TRACE, '0'.repeat(32)),
    SENDERS.replace('00f067aa0ba902b7', '0'.repeat(16)),
    `${SENDERS}, ${SENDERS}`,
    SENDERS.slice(1),
  ])
    t.equal(traceIdOf(wrong), undefined, JSON.stringify(wrong));
  const delivery = { headers: { traceparent: SENDERS, tracestate: 'a=1' } } as never as Parameters<
    typeof traceHeadersOf
  >[0];
  t.same(traceHeadersOf(delivery), { traceparent: SENDERS, tracestate: 'a=1' });
  t.same(traceHeadersOf({ ...delivery, headers: { traceparent: 'nonsense', tracestate: 'a=1' } }), {});
});

void t.test("the sender's trace id is in the lines, and its headers are the handler's", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(
    path.join(folder, 'all.mjs'),
    `export default { source: 'petstore', topic: '*', async handle(event, ctx) {
       ctx.log.info({ traceHeaders: ctx.traceHeaders }, 'given');
     } };`,
  );
  const store = await openStore(t);
  const { address, lines } = await startTestService(t, store, {
    ...petstore.environment,
    HANDLERS_DIR: folder,
    LOG_LEVEL: 'info',
  });
  const { id } = await handled(address, { traceparent: SENDERS, tracestate: 'vendor=1' });
  const own = lines.filter((line) => line['id'] === id);
  const said = own.map(({ msg }) => String(msg)).toSorted();
  t.same(said, ['accepted', 'given', 'handled'], 'one line a delivery and an attempt');
  for (const line of own) t.equal(line['traceId'], TRACE);
  t.same(own.find(({ msg }) => msg === 'given')?.['traceHeaders'], {
    traceparent: SENDERS,
    tracestate: 'vendor=1',
  });

  const other = await handled(address);
  const without = lines.filter((line) => line['id'] === other.id);
  t.equal(without.length, 3);
  for (const line of without) t.notOk('traceId' in line);
  t.same(without.find(({ msg }) => msg === 'given')?.['traceHeaders'], {});
});

void t.test('at LOG_LEVEL=warn good traffic says nothing', async (t) => {
  const store = await openStore(t);
  const { address, lines } = await startTestService(t, store, {
    ...petstore.environment,
    LOG_LEVEL: 'warn',
  });
  // What is said at start is of this machine's Redis.
  lines.splice(0);
  const request = await handled(address);
  await post(address, request, { timeoutMs: 60_000 });
  t.same(lines, []);
  const forged = await petstore.request({ topic: 'pet.adopted', data: {} }, { tamper: 'signature' });
  await post(address, forged, { timeoutMs: 60_000 });
  t.match(lines, [{ outcome: 'refused' }]);
});

void t.test('OpenTelemetry is loaded for a collector only', async (t) => {
  const program = `
    const { createRequire } = await import('node:module');
    await import('${path.resolve('dist/service.js')}');
    const { openTracing } = await import('${path.resolve('dist/lib/tracing/tracing.js')}');
    const log = { warn() {}, info() {} };
    const loaded = () =>
      Object.keys(createRequire('/').cache).filter((file) => file.includes('@opentelemetry/sdk-trace')).length > 0;
    const said = [];
    const url = 'http://127.0.0.1:9';
    for (const settings of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: true },
      { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    ]) said.push([await openTracing(settings, log) !== undefined, loaded()]);
    console.log(JSON.stringify(said));
    process.exit();`;
  const args = [...BARE_NODE, '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(ENV, args);
  t.same(JSON.parse(stdout), [
    [false, false],
    [false, false],
    [false, false],
    [true, true],
  ]);
});
