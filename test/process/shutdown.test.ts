/** SIGTERM and SIGINT: what is in hand ends or is given back, senders are told to come again, the exit code is 0. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { Answer, SignedRequest } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startHookline, type HooklineProcess } from '../support/process.js';
import { openStore } from '../support/store.js';
import { PATIENT, handlersFolder, hold, readRuns, release } from './handlers.js';
import { delivery, environmentOf, exitWithin, send } from './support.js';

t.setTimeout(480_000);

async function setUp(t: Test, SHUTDOWN_TIMEOUT = '2m') {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, { 'patient.mjs': PATIENT });
  const environment = { ...environmentOf(store, handlers), SHUTDOWN_TIMEOUT };
  return { handlers, start: (ROLE: string) => startHookline(t, { ...environment, ROLE }) };
}

/** Sends one delivery and waits until the patient handler has it in hand. */
async function putInHand(address: string, handlers: string): Promise<string> {
  const request = await delivery();
  const { status } = await send(address, request);
  if (status !== 200) throw new Error(`answered ${status}`);
  const began = `began ${request.id} 1`;
  await until('the handler to begin', async () => (await readRuns(handlers)).includes(began));
  return request.id;
}

/** Sends deliveries until one is not taken: the process has heard the signal. */
async function untilRefused(address: string): Promise<{ answer: Answer; taken: SignedRequest[] }> {
  const taken: SignedRequest[] = [];
  for (;;) {
    const request = await delivery();
    const answer = await send(address, request);
    if (answer.status !== 200) return { answer, taken };
    taken.push(request);
  }
}

function logged({ lines }: HooklineProcess, message: RegExp): boolean {
  return lines.some(({ msg }) => message.test(String(msg)));
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  void t.test(`${signal}: the handler in hand ends while new deliveries get 503`, async (t) => {
    const { handlers, start } = await setUp(t);
    const hookline = await start('all');
    const id = await putInHand(hookline.address, handlers);

    hookline.child.kill(signal);
    const { answer, taken } = await untilRefused(hookline.address);
    t.equal(answer.status, 503);
    t.match(answer.headers['retry-after'], /^[1-9]\d*$/);
    t.match(JSON.parse(answer.body), { statusCode: 503, code: 'HKL_ERR_SHUTTING_DOWN' });
    const ready = await fetch(`${hookline.address}/health/ready`);
    t.equal(ready.status, 503, 'it is not ready');
    t.match(await ready.text(), 'shutting down');
    t.equal((await fetch(`${hookline.address}/health/live`)).status, 200, 'it is alive');

    hookline.child.kill(signal);
    hookline.child.kill(signal);
    t.equal((await send(hookline.address, await delivery())).status, 503, 'further signals change nothing');
    t.equal(hookline.child.exitCode, null, 'it waits for its handler');
    t.notOk((await readRuns(handlers)).includes(`ended ${id} 1`), 'which is still running');

    await release(handlers);
    t.equal(await exitWithin(hookline.exited), 0);
    t.equal(hookline.stderr(), '');
    t.ok((await readRuns(handlers)).includes(`ended ${id} 1`), 'the handler ended first');

    const next = await start('all');
    for (const { id } of taken) await untilState(next.address, 'petstore', id, 'completed');
    t.match(await untilState(next.address, 'petstore', id), { state: 'completed', attemptsMade: 1 });
    const began = (await readRuns(handlers)).filter((line) => line.startsWith(`began ${id}`));
    t.equal(began.length, 1, 'and was run once');
  });
}

for (const role of ['all', 'worker']) {
  void t.test(`ROLE=${role}: a handler that does not end in time is given back`, async (t) => {
    const { handlers, start } = await setUp(t, '1s');
    const first = await start(role);
    const { address } = role === 'all' ? first : await start('receiver');
    const id = await putInHand(address, handlers);

    first.child.kill('SIGTERM');
    t.equal(await exitWithin(first.exited), 0);
    await until('the log to say so', () => logged(first, /given back/));
    t.same(await readRuns(handlers), [`began ${id} 1`], 'the handler had not ended');

    await release(handlers);
    const next = await start('all');
    t.match(await untilState(next.address, 'petstore', id), { state: 'completed' });
    const expected = [`began ${id} 1`, `began ${id} 1`, `ended ${id} 1`];
    t.same(await readRuns(handlers), expected, 'the next process handled it, as the first attempt still');
  });
}

void t.test('ROLE=receiver: new deliveries get 503, those that were taken are kept', async (t) => {
  const { handlers, start } = await setUp(t);
  const receiver = await start('receiver');
  const before = await delivery();
  t.equal((await send(receiver.address, before)).status, 200);

  receiver.child.kill('SIGTERM');
  const { answer, taken } = await untilRefused(receiver.address);
  t.equal(answer.status, 503);
  t.match(answer.headers['retry-after'], /^[1-9]\d*$/);
  receiver.child.kill('SIGTERM');
  t.equal(await exitWithin(receiver.exited), 0);
  t.equal(receiver.stderr(), '');

  await release(handlers);
  const next = await start('all');
  for (const { id } of [before, ...taken]) await untilState(next.address, 'petstore', id, 'completed');
});

void t.test('ROLE=worker: the handler in hand ends, and no other is begun', async (t) => {
  const { handlers, start } = await setUp(t);
  const { address } = await start('receiver');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await hold(handlers);
    const worker = await start('worker');
    const id = await putInHand(address, handlers);
    worker.child.kill(signal);
    await until('it to say so', () => logged(worker, /shutting down/));
    worker.child.kill(signal);
    const later = await delivery();
    t.equal((await send(address, later)).status, 200, 'receivers are not concerned');
    await release(handlers);
    t.equal(await exitWithin(worker.exited), 0, signal);
    t.equal(worker.stderr(), '');
    t.match(await untilState(address, 'petstore', id), { state: 'completed', attemptsMade: 1 });
    t.notOk((await readRuns(handlers)).includes(`began ${later.id} 1`), 'what came later waits');
  }
});

void t.test('a request that has begun is still taken', async (t) => {
  const { handlers, start } = await setUp(t);
  await release(handlers);
  const hookline = await start('all');
  const { path, method, headers, body, id } = await delivery();
  const sending = httpRequest(new URL(path, hookline.address), {
    method,
    headers: { ...headers, 'Content-Length': body.length, Expect: '100-continue' },
  });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  sending.flushHeaders();
  // The receiver has read the headers and waits for the body.
  await once(sending, 'continue');
  sending.write(body.subarray(0, 10));

  hookline.child.kill('SIGTERM');
  t.equal((await untilRefused(hookline.address)).answer.status, 503);
  sending.end(body.subarray(10));
  const [response] = await answered;
  t.equal(response.statusCode, 200);
  t.same(JSON.parse(await text(response)), { status: 'accepted', source: 'petstore', id });
  t.equal(await exitWithin(hookline.exited), 0);

  const next = await start('all');
  await untilState(next.address, 'petstore', id, 'completed');
});
