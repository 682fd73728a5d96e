/** Petstore's endpoints: created, looked at, changed, tested, enabled, deleted. */
import { PetstoreApi } from '../../lib/petstore-api/client.js';
import type { Endpoint } from '../../lib/petstore-api/endpoint.js';
import { CommandError, loadContext, type Context } from '../command.js';
import { note, NOT_WELL, print, sheet, table, type JsonOption } from '../output.js';
import { planSecret, type SecretOptions } from './secret.js';
import { endpointUrl, retriesOf, timeoutOf, type RequestOptions } from './url.js';

export interface CreateOptions extends JsonOption, RequestOptions, SecretOptions {
  url: string;
  events: string;
}

export interface UpdateOptions extends JsonOption, RequestOptions, SecretOptions {
  url?: string;
  events?: string;
  newSecret?: boolean;
}

/** The client for this environment. @throws {CommandError} without a token */
export function openApi({ settings }: Context, options: RequestOptions): PetstoreApi {
  const { PETSTORE_API_URL: baseUrl, PETSTORE_API_TOKEN: token } = settings;
  if (token === undefined) {
    throw new CommandError(
      'PETSTORE_API_TOKEN is not set. Set it to a bearer token of your Petstore account that may manage webhooks.',
    );
  }
  const { protocol, hostname } = new URL(baseUrl);
  if (protocol === 'http:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) {
    note(`warning: PETSTORE_API_URL (${baseUrl}) is http: the token is sent where others can read it.`);
  }
  return new PetstoreApi({ baseUrl, token, timeoutMs: timeoutOf(options), retries: retriesOf(options) });
}

export async function create(options: CreateOptions): Promise<void> {
  const context = await loadContext();
  const api = openApi(context, options);
  const url = endpointUrl(options.url, 'petstore');
  const events = readEvents(options.events);
  await warnOfUnhandled(context, events);
  const planned = await planSecret(options);
  const endpoint = await withSecret(planned, () => api.create({ url, events, secret: planned.secret }));
  show(endpoint, options, planned.print ? planned.secret : undefined);
  note(await planned.keep());
}

export async function list(options: JsonOption & RequestOptions): Promise<void> {
  const endpoints = await openApi(await loadContext(), options).list();
  if (options.json) print(endpoints);
  else if (endpoints.length === 0)
    console.log('No endpoint is registered. "hookline endpoints create" makes one.');
  else {
    const rows = endpoints.map(({ id, status, url, events }) => [id, status, url, events.join(', ')]);
    console.log(table([['id', 'status', 'url', 'events'], ...rows]));
  }
}

export async function showOne(id: string, options: JsonOption & RequestOptions): Promise<void> {
  show(await openApi(await loadContext(), options).get(id), options);
}

export async function update(id: string, options: UpdateOptions): Promise<void> {
  const context = await loadContext();
  const api = openApi(context, options);
  const change = {
    ...(options.url !== undefined && { url: endpointUrl(options.url, 'petstore') }),
    ...(options.events !== undefined && { events: readEvents(options.events) }),
  };
  const renews = options.newSecret === true || options.secretFile !== undefined;
  if (!renews && Object.keys(change).length === 0) {
    throw new CommandError('Say what to change: --url, --events or --new-secret.');
  }
  if (change.events) await warnOfUnhandled(context, change.events);
  const planned = renews ? await planSecret(options) : undefined;
  const endpoint = planned
    ? await withSecret(planned, () => api.update(id, { ...change, secret: planned.secret }))
    : await api.update(id, change);
  show(endpoint, options, planned?.print ? planned.secret : undefined);
  if (planned) note(await planned.keep());
}

export async function enable(id: string, options: JsonOption & RequestOptions): Promise<void> {
  const api = openApi(await loadContext(), options);
  const endpoint = await api.update(id, { status: 'active' });
  show(endpoint, options);
  if (endpoint.status === 'active') return;
  throw new CommandError(
    `Petstore took the request, but the endpoint is ${endpoint.status}. Enable it in Petstore's own pages, or ask its support.`,
  );
}

export async function remove(id: string, options: JsonOption & RequestOptions): Promise<void> {
  await openApi(await loadContext(), options).delete(id);
  if (options.json) print({ id, deleted: true });
  else console.log(`${id} is deleted: Petstore sends nothing to it any more.`);
}

export async function test(
  id: string,
  options: JsonOption & RequestOptions & { event: string },
): Promise<void> {
  const result = await openApi(await loadContext(), options).test(id, options.event);
  if (options.json) print({ id, event: options.event, ...result });
  else console.log(describeTest(result, options.event));
  if (result.delivered === false) process.exitCode = NOT_WELL;
}

function describeTest(
  { delivered, status }: { delivered: boolean | null; status: number | null },
  event: string,
) {
  const answer = status === null ? '' : ` Our receiver answered ${status}.`;
  if (delivered === true) return `Petstore has sent a ${event}, and it was delivered.${answer}`;
  if (delivered === null) {
    return `Petstore has sent a ${event}. Whether it arrived is in the receiver's log and on its dashboard.`;
  }
  const todo =
    status === 401
      ? "The secret is not the endpoint's: the receiver's log names the likely cause."
      : 'Run "hookline doctor --url <public URL>": it looks for what is in the way.';
  return `Petstore has sent a ${event}, and it was NOT delivered.${answer} ${todo}`;
}

function show(endpoint: Endpoint, { json }: JsonOption, secret?: string): void {
  const shown = { ...endpoint, ...(secret !== undefined && { secret }) };
  if (json) print(shown);
  else console.log(sheet({ ...shown, events: endpoint.events.join(', ') }));
}

/** A request that failed leaves everything as it was. An endpoint that is there all the same needs a new secret. */
async function withSecret<T>(planned: { forget(): Promise<void> }, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    await planned.forget();
    throw error;
  }
}

function readEvents(text: string): string[] {
  const events = [...new Set(text.split(',').map((event) => event.trim()))].filter((event) => event !== '');
  if (events.length > 0) return events;
  throw new CommandError(
    '--events wants one or more event types, separated by commas: pet.adopted,order.created',
  );
}

/** An event without a handler is quarantined: better known before it comes. */
async function warnOfUnhandled({ settings, definitions }: Context, events: string[]): Promise<void> {
  const { loadRegistry } = await import('../../workers/runtime.js');
  const registry = await loadRegistry(settings, definitions);
  const unhandled = events.filter(
    (topic) => !registry.match('petstore', { topic, subTopic: null, tenantId: null }),
  );
  if (unhandled.length > 0) {
    note(
      `warning: no handler takes ${unhandled.join(', ')}: such events will be quarantined until one does.`,
    );
  }
}
