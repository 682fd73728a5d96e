import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchLimited, type Fetched } from '../../fetch.js';
import { PetstoreApiError } from '../../petstore-api/errors.js';
import { isEnabled, setting, type DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';
import { CREDENTIALS_PROBE, TEST_TOPIC } from '../test-event.js';

const LIMITS = { timeoutMs: 10_000, maxBytes: 65_536 };

/**
 * Petstore's secret is the one that the receiver has, and an event goes all the way: a test delivery under a topic of
 * our own, whose job is removed again. Every secret of a rotation is tried.
 */
export const petstoreSecretCheck: Check<DoctorContext> = {
  name: 'petstore-secret',
  async run(context) {
    if (!isEnabled(context, 'petstore')) return [];
    const secrets = setting(context, 'petstore', 'PETSTORE_WEBHOOK_SECRET') as string[];
    const tried: Finding[] = [];
    // All of them go the same way to a worker: what came of the first is told, and what hangs is waited for once.
    let outcome: Finding[] | undefined;
    for (const [index, secret] of secrets.entries()) {
      const which = secrets.length > 1 ? `, number ${index + 1} of ${secrets.length}` : '';
      const id = `hookline-doctor-${randomUUID()}`;
      const finding = await tryOut(context, id, secret, which);
      if (finding) tried.push(finding);
      if (finding?.level !== 'ok') continue;
      const hangs = outcome?.some(({ level }) => level === 'error') === true;
      const handledNow = await handled(context, id, hangs ? 0 : context.handledWithin);
      outcome ??= handledNow;
    }
    return [...tried, ...(outcome ?? []), ...(await testByProvider(context))];
  },
};

async function tryOut(
  context: DoctorContext,
  id: string,
  secret: string,
  which: string,
): Promise<Finding | undefined> {
  const timestamp = new Date().toISOString();
  const body = JSON.stringify({ id, eventType: TEST_TOPIC, timestamp, data: {} });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const answer = await postTo(context, 'petstore', body, { 'x-petstore-signature': `sha256=${signature}` });
  // Told by the finding "receiver" already.
  if (!answer) return undefined;
  if (answer.status !== 200) return refused(answer.status, which);
  return ok('petstore-secret', `a delivery signed with it is taken${which}`);
}

function refused(status: number, which: string): Finding {
  if (status === 404) {
    return error(
      'petstore-secret',
      'the receiver has no source petstore',
      'Deliveries are answered 404.',
      'Start the receiver with PETSTORE_WEBHOOK_SECRET.',
    );
  }
  if (status !== 401) {
    const why = 'A secret that cannot be tried may be wrong.';
    return warn(
      'petstore-secret',
      `could not be tried: the receiver answered ${status}`,
      why,
      'Mend the other findings first.',
    );
  }
  return error(
    'petstore-secret',
    `the receiver refuses a delivery signed with PETSTORE_WEBHOOK_SECRET of this environment${which} (401)`,
    'The receiver runs with another secret: what Petstore signs with this one is refused, five times, and then the endpoint is disabled.',
    'Restart the receiver with this secret, or run doctor with the receiver’s environment.',
  );
}

/** Waits for a worker, and takes the job away again. @param limit milliseconds */
async function handled(context: DoctorContext, id: string, limit: number): Promise<Finding[]> {
  if (!context.redis) return [];
  const queue = context.queue('petstore');
  const until = Date.now() + limit;
  for (;;) {
    const job = (await queue.find(id))?.job;
    const state = await job?.getState();
    const ended = state === 'completed' || state === 'failed';
    if (job && (ended || Date.now() >= until)) await job.remove().catch(() => {});
    if (state === 'completed') return [ok('workers', 'the test delivery was handled')];
    if (ended || Date.now() > until) return [notHandled(state, job?.failedReason, limit)];
    await sleep(100);
  }
}

function notHandled(state: string | undefined, reason: string | undefined, limit: number): Finding {
  const found =
    state === 'failed'
      ? `the test delivery failed: ${reason ?? 'no reason given'}`
      : state === undefined
        ? 'the test delivery is not in this Redis'
        : `the test delivery was not handled within ${limit / 1_000} s (${state})`;
  return error(
    'workers',
    found,
    'What is accepted waits, and is not handled.',
    'Start a worker (ROLE=worker or all) with the REDIS_URL and QUEUE_PREFIX of the receiver, and of the same version.',
  );
}

/** By flag only: handlers take a sample event of Petstore's for a real one. */
async function testByProvider({
  petstore,
  petstoreEndpoint,
  providerTest,
}: DoctorContext): Promise<Finding[]> {
  if (!providerTest || !petstore || !petstoreEndpoint) return [];
  const name = 'petstore-delivery';
  const why = 'What Petstore sends does not arrive, and after five failures it disables the endpoint.';
  try {
    const [event = 'pet.adopted'] = petstoreEndpoint.events;
    const { delivered, status } = await petstore.test(petstoreEndpoint.id, event);
    if (delivered === true) return [ok(name, `Petstore has delivered a ${event}`)];
    if (delivered === null)
      return [
        warn(
          name,
          `Petstore has sent a ${event}, and does not say what came of it`,
          why,
          'See the receiver’s log.',
        ),
      ];
    const todo =
      status === 401
        ? 'The secret is not the endpoint’s: the receiver’s log names the likely cause.'
        : 'See the receiver’s log, and the proxy’s.';
    return [error(name, `Petstore could not deliver a ${event} (${status ?? 'no answer'})`, why, todo)];
  } catch (cause) {
    if (!(cause instanceof PetstoreApiError)) throw cause;
    return [error(name, cause.message, why, 'Try again with: hookline endpoints test.')];
  }
}

/** PCE's Basic credentials are those of the receiver: with them, what is no SNS message gets 403 instead of 401. */
export const pceCredentialsCheck: Check<DoctorContext> = {
  name: 'pce-credentials',
  async run(context) {
    const user = setting(context, 'pce', 'PCE_BASIC_USER') as string | undefined;
    const password = setting(context, 'pce', 'PCE_BASIC_PASSWORD') as string | undefined;
    if (!isEnabled(context, 'pce') || user === undefined || password === undefined) return [];
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const answer = await postTo(context, 'pce', CREDENTIALS_PROBE, { authorization });
    if (!answer) return [];
    if (answer.status === 403) return [ok('pce-credentials', 'those of the receiver')];
    return [
      error(
        'pce-credentials',
        `the receiver does not take PCE_BASIC_USER and PCE_BASIC_PASSWORD of this environment (${answer.status})`,
        'PCE’s deliveries are answered 401, which it takes for delivered: they are lost.',
        'Restart the receiver with these, or run doctor with the receiver’s environment; compare them with the endpoint at PCE.',
      ),
    ];
  },
};

async function postTo(
  { receiverUrl }: DoctorContext,
  source: string,
  body: string,
  headers: Record<string, string>,
): Promise<Fetched | undefined> {
  return fetchLimited(`${receiverUrl}/webhooks/${source}`, {
    ...LIMITS,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  }).catch(() => undefined);
}
