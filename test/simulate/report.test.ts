/** What a simulation says in the end: from the answers, and from what the receiver knows of each event. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { EventRecord, Simulation } from '../../senders/simulator/provider.js';
import { follow, ReceiverError, type Fate } from '../../senders/simulator/receiver.js';
import { makeReport } from '../../senders/simulator/report.js';
import { schedules, type RetrySchedule } from '../../senders/simulator/schedules.js';

const schedule = schedules['petstore'] as RetrySchedule;
const event = (
  id: string,
  answers: string[],
  outcome: EventRecord['outcome'] = 'delivered',
): EventRecord => ({
  id,
  outcome,
  tries: answers.length,
  answers,
});
const fate = (state: Fate['state'], reason: string | null = null, attempts = 1): Fate => ({
  state,
  reason,
  attempts,
});

function report(
  events: EventRecord[],
  fates: Record<string, Fate> | Error | null,
  more: Partial<Simulation> = {},
) {
  const simulation = { events, duplicatesSent: 0, blockedBy: null, answers: {}, latency: null, ...more };
  return makeReport({
    schedule,
    url: 'http://127.0.0.1:1',
    speed: 1,
    handshake: null,
    simulation,
    fates: fates instanceof Error || fates === null ? fates : new Map(Object.entries(fates)),
    interrupted: false,
  });
}

void t.test('all is well', async (t) => {
  const { ok, findings, receiver, delivered, retried } = report(
    [event('a', ['200 accepted']), event('b', ['503', '200 accepted', '200 duplicate'])],
    { a: fate('completed'), b: fate('completed', null, 2) },
  );
  t.same([ok, findings, delivered, retried], [true, [], 2, 1]);
  t.match(receiver, { handled: 2, lost: 0, handledTwice: 0, duplicatesRecognised: 1, reattempted: 1 });
});

void t.test('each thing that can be wrong is told, with what to do', async (t) => {
  const lost = report([event('a', ['200 accepted'])], { a: fate('unknown') });
  t.match(
    [lost.ok, lost.receiver?.lost, lost.findings[0]],
    [false, 1, /1 events are LOST.*\(a\).*send them again/],
  );

  const twice = report([event('a', ['200 accepted', '200 accepted'])], { a: fate('completed') });
  t.match([twice.ok, twice.receiver?.handledTwice], [false, 1]);
  t.match(twice.findings[0], /DEDUPE_WINDOW/);

  const refused = report([event('a', ['401'], 'refused')], { a: fate('unknown') });
  t.match(refused.findings[0], /1 events were refused.*--print-env/);

  const blocked = report([event('a', ['503'], 'given-up'), event('b', [], 'withheld')], null, {
    blockedBy: { id: 'a', answer: '503' },
  });
  t.match([blocked.ok, blocked.blocked, blocked.receiver], [false, true, null]);
  t.match(
    blocked.findings[0],
    /BLOCKED: petstore has disabled it, as a failed 5 times, at last with 503; 1 events were not sent.*endpoints enable/,
  );

  const unasked = report([event('a', ['200 accepted'])], new ReceiverError('cannot be asked'));
  t.match([unasked.ok, unasked.findings], [false, ['cannot be asked']]);

  const failed = report([event('a', ['200 accepted'])], { a: fate('failed', 'boom') });
  t.match(
    [failed.ok, failed.findings[0]],
    [true, /1 events failed in their handlers and are kept.*\n {2}1 × boom/],
  );
  const pending = report([event('a', ['200 accepted'])], { a: fate('pending') });
  t.match([pending.ok, pending.findings[0]], [true, /1 events were still in hand/]);
});

/** A receiver's admin API that answers each id with what is left in its list, the last for ever. */
async function serve(t: Test, states: Record<string, Array<string | number>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const id = request.url?.split('/').at(-1) ?? '';
    asked.push(id);
    const own = states[id] ?? [404];
    const next = own.length > 1 ? own.shift() : own[0];
    const body =
      typeof next === 'string' ? { state: next } : { code: next === 404 ? 'HKL_ERR_UNKNOWN_DELIVERY' : 'X' };
    response.writeHead(typeof next === 'number' ? next : 200).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

void t.test('events are followed until they have ended', async (t) => {
  const { url, asked } = await serve(t, {
    done: ['waiting', 'active', 'completed'],
    dead: ['delayed', 'failed'],
    spooled: [404, 503, 'waiting', 'completed'],
  });
  const fates = await follow('petstore', ['done', 'dead', 'spooled', 'refused'], {
    url,
    settleMs: 60_000,
    isTaken: (id) => id !== 'refused',
  });
  t.same([...fates].map(([id, { state }]) => `${id} ${state}`).sort(), [
    'dead failed',
    'done completed',
    'refused unknown',
    'spooled completed',
  ]);
  t.equal(asked.filter((id) => id === 'refused').length, 1, 'what was not taken is asked for once');
});

void t.test('what was taken and does not turn up is lost', async (t) => {
  const { url } = await serve(t, { slow: ['waiting'] });
  const fates = await follow('petstore', ['gone', 'slow'], { url, settleMs: 300, isTaken: () => true });
  t.match(fates.get('gone'), { state: 'unknown' });
  t.match(fates.get('slow'), { state: 'pending' });
});

void t.test('a receiver that cannot be asked is no loss', async (t) => {
  const { url } = await serve(t, { a: [403], b: [500] });
  const options = { url, settleMs: 300, isTaken: () => true };
  await t.rejects(follow('petstore', ['a'], options), { name: 'ReceiverError', message: /--admin-user/ });
  await t.rejects(follow('petstore', ['b'], options), { name: 'ReceiverError', message: /does not answer/ });
});
