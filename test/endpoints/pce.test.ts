/** The state of PCE's subscriptions, as the command line tells it from what the receiver has seen. */
import t from 'tap';
import { pceSubscriptionConfirmation, pceUnsubscribeConfirmation } from '../../senders/samples/pce.js';
import { startPceSender } from '../../senders/pce.js';
import { post } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { runHookline, runJson } from '../support/run-hookline.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const OTHER = 'arn:aws:sns:eu-west-1:123456789012:others';

interface Topic {
  topicArn: string;
  state: string;
  reason: string | null;
  todo: string | null;
}

void t.test('pending, failed, confirmed, unsubscribed', async (t) => {
  const store = await openStore(t);
  const sender = await startPceSender();
  t.teardown(() => sender.close());
  const env = {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    PCE_TOPIC_ARNS: `${sender.topicArn},${OTHER}`,
    PCE_TRUSTED_ORIGINS: sender.origin,
  };
  const status = async () => {
    const { exit, json, stdout } = await runJson<Topic[]>(t, ['endpoints', 'status', 'pce'], { env });
    t.notMatch(stdout, /Token=|[0-9a-f]{64}/, 'never a token');
    t.same(json.find(({ topicArn }) => topicArn === OTHER)?.state, 'not-seen');
    return { exit, ...json.find(({ topicArn }) => topicArn === sender.topicArn) };
  };
  const send = async (address: string, sample = pceSubscriptionConfirmation) => {
    const request = await sender.request(sample);
    t.match(await post(address, request, { timeoutMs: 10_000 }), { status: 200 });
    return request.id;
  };

  t.match(await status(), { exit: 0, state: 'not-seen', todo: /Create the webhook in PCE/ });

  const receiver = await startTestService(t, store, { ...env, ROLE: 'receiver', SHUTDOWN_TIMEOUT: '1s' });
  const first = await send(receiver.address);
  t.match(await status(), { exit: 0, state: 'pending', reason: /no worker has taken it yet/ });

  // A worker that does not trust the sender's origin: the confirmation fails for good.
  const wary = await startTestService(t, store, {
    ...env,
    ROLE: 'worker',
    PCE_TRUSTED_ORIGINS: '',
    SHUTDOWN_TIMEOUT: '1s',
  });
  await untilState(receiver.address, 'pce', first, 'failed');
  const failed = await status();
  t.match(failed, {
    exit: 2,
    state: 'failed',
    reason: /SubscribeURL is neither one of SNS nor of PCE_TRUSTED_ORIGINS/,
  });
  t.match(failed.todo, 'hookline endpoints confirm pce');
  t.match(await runHookline(t, ['endpoints', 'status', 'pce'], { env }), {
    exit: 2,
    stdout: /failed/,
    stderr: /PCE_TRUSTED_ORIGINS/,
  });
  await wary.close();
  t.same(sender.confirmations, []);

  await startTestService(t, store, { ...env, ROLE: 'worker', SHUTDOWN_TIMEOUT: '1s' });
  const again = await runJson<Topic[]>(t, ['endpoints', 'confirm', 'pce', '--topic', sender.topicArn], {
    env,
  });
  t.match([again.exit, again.json], [0, [{ topicArn: sender.topicArn, state: 'confirmed', reason: null }]]);
  t.equal(sender.confirmations.length, 1, 'the provider was asked');
  t.match(await status(), { exit: 0, state: 'confirmed', todo: null });

  const nothing = await runHookline(t, ['endpoints', 'confirm', 'pce'], { env });
  t.match(nothing, { exit: 1, stderr: /has seen no confirmation of arn:aws:sns:eu-west-1/ });
  t.match(await runHookline(t, ['endpoints', 'confirm', 'pce', '--topic', 'arn:x'], { env }), {
    exit: 1,
    stderr: /There is no topic arn:x/,
  });

  await send(receiver.address, pceUnsubscribeConfirmation);
  await until(
    'the end of the subscription to be noted',
    async () => (await status()).state === 'unsubscribed',
  );
  t.match(await status(), { exit: 2, todo: /create the webhook again in PCE/ });

  await send(receiver.address);
  await until('the new confirmation', async () => (await status()).state === 'confirmed');
});
