import { PetstoreApiError } from '../../petstore-api/errors.js';
import type { Endpoint } from '../../petstore-api/endpoint.js';
import { statusOfTopics, type TopicStatus } from '../../sns/topic-status.js';
import { isEnabled, setting, type DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';

const NAME = 'petstore-endpoint';
const NOT_SENT = 'Petstore sends nothing here.';

/** Petstore's endpoint for this receiver: registered and active. */
export const petstoreEndpointCheck: Check<DoctorContext> = {
  name: NAME,
  async run(context) {
    if (!isEnabled(context, 'petstore')) return [];
    const { petstore, publicUrl } = context;
    if (!petstore) {
      const todo = 'Set PETSTORE_API_TOKEN to have it looked at.';
      return [warn(NAME, 'not looked at: there is no token', 'A disabled endpoint goes unnoticed.', todo)];
    }
    try {
      const endpoints = await petstore.list();
      const own = endpoints.find(({ url }) => publicUrl === undefined || belongsTo(url, publicUrl));
      context.petstoreEndpoint = own;
      return [own ? describe(own) : notRegistered(endpoints, publicUrl)];
    } catch (cause) {
      if (!(cause instanceof PetstoreApiError)) throw cause;
      const why = 'Whether Petstore sends anything cannot be said.';
      return [
        error(
          'petstore-api',
          cause.message,
          why,
          'Set PETSTORE_API_TOKEN and PETSTORE_API_URL right, or try again.',
        ),
      ];
    }
  },
};

function belongsTo(url: string, publicUrl: string): boolean {
  if (!URL.canParse(url)) return false;
  const { origin, pathname } = new URL(url);
  return origin === new URL(publicUrl).origin && pathname.replace(/\/$/, '').endsWith('/webhooks/petstore');
}

function describe({ id, url, status }: Endpoint): Finding {
  if (status === 'active') return ok(NAME, `${url} is active (${id})`);
  const make = status === 'unknown' ? warn : error;
  return make(
    NAME,
    `${url} is ${status} (${id})`,
    NOT_SENT,
    `Mend what made it fail, then: hookline endpoints enable ${id}. Ask Petstore to send again what it gave up.`,
  );
}

function notRegistered(endpoints: Endpoint[], publicUrl: string | undefined): Finding {
  const others = endpoints.map(({ url }) => url).join(', ') || 'none at all';
  return error(
    NAME,
    `none is registered for ${publicUrl ?? 'any receiver'}; there is: ${others}`,
    NOT_SENT,
    `hookline endpoints create --url ${publicUrl ?? 'https://…'} --events pet.adopted,…`,
  );
}

/** PCE's subscriptions, from what the receiver has seen. */
export const pceSubscriptionCheck: Check<DoctorContext> = {
  name: 'pce-subscription',
  async run(context) {
    if (!isEnabled(context, 'pce') || !context.redis) return [];
    const configured = setting(context, 'pce', 'PCE_TOPIC_ARNS') as string[];
    const topics = await statusOfTopics(context.queue('pce'), context.settings.QUEUE_PREFIX, configured);
    return topics.map(describeTopic);
  },
};

function describeTopic({ topicArn, state, at, reason, todo }: TopicStatus): Finding {
  const name = 'pce-subscription';
  const told = `${topicArn} is ${state}${at === null ? '' : ` since ${at}`}${reason === null ? '' : `: ${reason}`}`;
  if (state === 'confirmed') return ok(name, told);
  const make = state === 'failed' || state === 'unsubscribed' ? error : warn;
  return make(name, told, 'PCE sends no events of a topic that is not confirmed.', todo ?? '');
}

/** Every source has handlers, and every topic that Petstore was asked for has one. */
export const handlersCheck: Check<DoctorContext> = {
  name: 'handlers',
  async run(context) {
    let handlers: Awaited<ReturnType<DoctorContext['handlers']>>;
    try {
      handlers = await context.handlers();
    } catch (cause) {
      const why = 'No worker starts with them.';
      return [
        error(
          'handlers',
          (cause as Error).message,
          why,
          'Mend what it names; "hookline handlers" checks again.',
        ),
      ];
    }
    const why = 'Such events are quarantined: kept, and not handled.';
    const findings = context.definitions
      .filter(({ name }) => isEnabled(context, name) && handlers.count(name) === 0)
      .map(({ name }) => error('handlers', `${name} has none`, why, 'Add one to HANDLERS_DIR.'));
    for (const event of context.petstoreEndpoint?.events ?? []) {
      if (handlers.has('petstore', event)) continue;
      const todo = `Add one to HANDLERS_DIR, or leave the event out: hookline endpoints update ${context.petstoreEndpoint?.id} --events …`;
      findings.push(
        error('handlers', `none takes petstore ${event}, which the endpoint asks for`, why, todo),
      );
    }
    return findings.length > 0
      ? findings
      : [ok('handlers', 'every enabled source and every event asked for has one')];
  },
};
