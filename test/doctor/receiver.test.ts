/** What doctor reads off a receiver of one process and of several. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { receiverCheck } from '../../lib/doctor/checks/receiver.js';
import type { DoctorContext } from '../../lib/doctor/context.js';

/** The findings about a receiver that is ready and has these metrics. */
async function findingsOf(t: Test, metrics: string) {
  const server = createServer((request, response) => {
    response.end(request.url === '/metrics' ? metrics : '{"status":"ready"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const findings = await receiverCheck.run({ receiverUrl: `http://127.0.0.1:${port}` } as DoctorContext);
  return findings.map(({ level, found }) => `${level} ${found}`).slice(1);
}

const series = (labels: string, value: number) => `hookline_refusals_total{${labels}} ${value}\n`;

void t.test('of one process', async (t) => {
  const text = series('source="petstore",cause="wrong-secret"', 3) + series('source="pce",cause="doctor"', 1);
  t.same(await findingsOf(t, text), ['warn petstore: 3 × wrong-secret since the start']);
});

void t.test('of several, each with its own', async (t) => {
  const text =
    series('source="petstore",cause="wrong-secret",process="receiver-1"', 3) +
    series('source="petstore",cause="missing-signature",process="receiver-1"', 0) +
    series('source="petstore",cause="wrong-secret",process="receiver-2"', 4);
  t.same(await findingsOf(t, text), ['warn petstore: 7 × wrong-secret since the start']);
});

void t.test('of none', async (t) => {
  t.same(await findingsOf(t, ''), ['ok none since the start']);
});
