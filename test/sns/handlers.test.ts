import t from 'tap';
import type { WebhookEvent } from '../../lib/event.js';
import { PermanentError, type Handler, type HandlerContext } from '../../lib/handler.js';
import type { Log } from '../../lib/log.js';
import { snsHandlers } from '../../lib/sns/handlers.js';
import { confirmation, notification, serve, serveText, TOPIC, type Fields } from './support.js';

const TOKEN = String(confirmation().Token);

function handlerOf(topic: string, origins: string[] = []): Handler {
  const handler = snsHandlers('pce', new Set(origins)).find((one) => one.topic === topic);
  if (!handler) throw new Error(`no handler for ${topic}`);
  return handler;
}

function eventOf(fields: Fields): WebhookEvent {
  return {
    id: 'i',
    source: 'pce',
    topic: String(fields.Type),
    subTopic: null,
    tenantId: null,
    triggeredAt: null,
    triggeredAtMs: null,
    receivedAt: '2026-04-26T20:45:05.000Z',
    payload: fields,
    rawBody: JSON.stringify(fields),
    headers: {},
  };
}

/** A log that keeps its lines, `level message fields`. */
function keepLog() {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return { log, lines };
}

function contextOf(log: Log, signal = new AbortController().signal): HandlerContext {
  const step: HandlerContext['step'] = async (_name, run) => run({ idempotencyKey: '', signal });
  return { log, signal, attempt: 1, maxAttempts: 8, jobId: 'j', traceHeaders: {}, step };
}

/** Runs the handler for a confirmation whose SubscribeURL is of the given origin. */
async function confirmAt(handler: Handler, SubscribeURL: string, ctx = contextOf(keepLog().log)) {
  await handler.handle(eventOf(confirmation({ SubscribeURL })), ctx);
}

void t.test('the handlers are those of the protocol, with time limits', async (t) => {
  const [confirming, reporting] = snsHandlers('pce', new Set());
  t.match(confirming, { source: 'pce', topic: 'SubscriptionConfirmation', attempts: 8 });
  t.match(confirming, { backoff: { type: 'exponential', delay: 2_000 }, timeout: 15_000 });
  t.match(reporting, { source: 'pce', topic: 'UnsubscribeConfirmation', attempts: 1 });
});

void t.test('a subscription is confirmed by a GET of its SubscribeURL', async (t) => {
  const server = await serveText('<SubscriptionArn>x</SubscriptionArn>');
  const { log, lines } = keepLog();
  const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
  await confirmAt(handler, `${server.origin}/?Action=ConfirmSubscription&Token=${TOKEN}`, contextOf(log));
  t.same(server.requests, [`/?Action=ConfirmSubscription&Token=${TOKEN}`]);
  t.match(lines, [/^info .*confirmed/]);
  t.match(lines[0], TOPIC);
  t.notMatch(lines.join(), TOKEN);
});

void t.test('trouble is thrown, so that the job is tried again, until it is over', async (t) => {
  const answers = [500, 503, 429, 408, 302, 200];
  const server = await serve((_request, response) => {
    response.writeHead(answers[server.requests.length - 1] ?? 200, { location: '/elsewhere' }).end();
  });
  const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
  const url = `${server.origin}/?Token=${TOKEN}`;
  for (const status of answers.slice(0, -1)) {
    const error = await confirmAt(handler, url).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof Error && !(error instanceof PermanentError), `${status} is tried again`);
    t.notMatch(String(error), TOKEN);
  }
  await confirmAt(handler, url);
  t.equal(server.requests.length, answers.length);
  t.notOk(server.requests.includes('/elsewhere'), 'no redirect is followed');
});

void t.test('a server that is gone, or hangs until the job is given up, is trouble too', async (t) => {
  const gone = handlerOf('SubscriptionConfirmation', ['http://127.0.0.1:1']);
  await t.rejects(confirmAt(gone, `http://127.0.0.1:1/?Token=${TOKEN}`), { message: /^(?!.*Token)/ });
  const given = new AbortController();
  const silent = await serve(() => given.abort());
  const handler = handlerOf('SubscriptionConfirmation', [silent.origin]);
  const error = await confirmAt(handler, `${silent.origin}/`, contextOf(keepLog().log, given.signal)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.match(error, { name: 'FetchError', reason: 'aborted' });
});

void t.test('a refusal that will not change fails at once', async (t) => {
  for (const status of [400, 401, 403, 404, 410]) {
    const server = await serveText('<Error><Code>InvalidParameter</Code></Error>', status);
    const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
    const error = await confirmAt(handler, `${server.origin}/?Token=${TOKEN}`).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof PermanentError, `${status}`);
    t.match(String(error), new RegExp(`${status} InvalidParameter.*Ask the provider`));
    t.notMatch(String(error), TOKEN);
  }
});

void t.test('AWS says throttling with a 400, which passes', async (t) => {
  const server = await serveText(
    '<Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>',
    400,
  );
  const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
  const error = await confirmAt(handler, `${server.origin}/`).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof Error && !(error instanceof PermanentError));
});

void t.test('a refusal because it is confirmed already is a success', async (t) => {
  for (const text of [
    'Subscription already confirmed',
    '{"error":"already been confirmed"}',
    'ALREADY_CONFIRMED',
  ]) {
    const server = await serveText(text, 400);
    const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
    await t.resolves(confirmAt(handler, `${server.origin}/`), text);
  }
  const server = await serveText('not already confirmedly so', 400);
  await t.rejects(
    confirmAt(handlerOf('SubscriptionConfirmation', [server.origin]), `${server.origin}/`),
    PermanentError,
  );
});

void t.test(
  'both legs of the handshake ask once, and a failure is not shared with the next try',
  async (t) => {
    let status = 500;
    const server = await serve((_request, response) => response.writeHead(status).end());
    const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
    const url = `${server.origin}/?Token=${TOKEN}`;
    const first = await Promise.allSettled([confirmAt(handler, url), confirmAt(handler, url)]);
    t.same(
      first.map((one) => one.status),
      ['rejected', 'rejected'],
    );
    t.equal(server.requests.length, 1);
    status = 200;
    await Promise.all([confirmAt(handler, url), confirmAt(handler, url)]);
    status = 404;
    await confirmAt(handler, url);
    t.equal(server.requests.length, 2, 'what is confirmed is not asked for again');
    await t.rejects(
      confirmAt(handler, `${url}other`),
      PermanentError,
      'another subscription is another matter',
    );
  },
);

void t.test('only so many confirmations are remembered', async (t) => {
  const server = await serveText('');
  const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
  for (let n = 0; n <= 100; n++) await confirmAt(handler, `${server.origin}/${n}`);
  await confirmAt(handler, `${server.origin}/100`);
  t.equal(server.requests.length, 101, 'the latest is still known');
  await confirmAt(handler, `${server.origin}/0`);
  t.equal(server.requests.length, 102, 'the first is not');
});

void t.test('a SubscribeURL that is not allowed is not asked', async (t) => {
  const server = await serveText('');
  const handler = handlerOf('SubscriptionConfirmation');
  const urls = [
    `${server.origin}/?Token=${TOKEN}`,
    `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&Token=${TOKEN}`,
  ];
  for (const url of urls) {
    const error = await confirmAt(handler, url).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof PermanentError);
    t.match(String(error), 'PCE_TRUSTED_ORIGINS');
    t.notMatch(String(error), TOKEN);
  }
  t.same(server.requests, []);
});

void t.test('a notification that calls itself a confirmation confirms nothing', async (t) => {
  const server = await serveText('');
  const inner = confirmation({ SubscribeURL: `${server.origin}/` });
  const event = { ...eventOf(notification({ Message: JSON.stringify(inner) })), payload: inner };
  for (const topic of ['SubscriptionConfirmation', 'UnsubscribeConfirmation']) {
    const handler = handlerOf(topic, [server.origin]);
    await t.rejects(
      async () => handler.handle({ ...event, topic }, contextOf(keepLog().log)),
      PermanentError,
    );
  }
  const unsubscribe = eventOf(
    confirmation({ Type: 'UnsubscribeConfirmation', SubscribeURL: `${server.origin}/` }),
  );
  const handler = handlerOf('SubscriptionConfirmation', [server.origin]);
  await t.rejects(async () => handler.handle(unsubscribe, contextOf(keepLog().log)), PermanentError);
  t.same(server.requests, []);
});

void t.test('the end of a subscription is reported loudly, and not undone', async (t) => {
  const server = await serveText('');
  const { log, lines } = keepLog();
  const fields = confirmation({
    Type: 'UnsubscribeConfirmation',
    SubscribeURL: `${server.origin}/?Token=${TOKEN}`,
  });
  await handlerOf('UnsubscribeConfirmation', [server.origin]).handle(eventOf(fields), contextOf(log));
  t.equal(lines.length, 1);
  t.match(lines[0], /^warn UNSUBSCRIBED: .*no more events.*create the webhook again/);
  t.match(lines[0], TOPIC);
  t.notMatch(lines[0], TOKEN);
  t.notMatch(lines[0], server.origin);
  t.same(server.requests, []);
});
