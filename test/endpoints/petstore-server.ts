/**
 * Petstore's management API, after its "Webhooks Protocol Guide": strict about methods, paths, headers and bodies. It
 * signs with the `openssl` program, and knows nothing of the client under test. What the guide does not show is as
 * docs/providers/petstore.md assumes it.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export const TOKEN = 'petstore-token-of-the-tests';

const EVENTS = [
  'pet.adopted',
  'pet.status_changed',
  'order.created',
  'order.status_changed',
  'payment.succeeded',
  'payment.failed',
];

export interface Registered {
  id: string;
  url: string;
  events: string[];
  secret: string;
  status: 'active' | 'disabled';
  createdAt: string;
}

/** An answer in the place of the API's own. */
interface Fault {
  status: number;
  headers?: Record<string, string>;
  /** Text as it stands, anything else as JSON. */
  body?: unknown;
  /** How many requests get it; all of them when left out. */
  times?: number;
}

export interface PetstoreServer {
  /** What PETSTORE_API_URL is set to. */
  url: string;
  endpoints: Registered[];
  /** `METHOD /path` of every request so far. */
  requests: string[];
  /** What was wrong with requests, in the API's strict view. */
  complaints: string[];
  fault: Fault | undefined;
  /** Never answers while it is set. */
  hangs: boolean;
}

type Answer = [status: number, body?: unknown];

export async function startPetstoreServer(t: Test): Promise<PetstoreServer> {
  const state: PetstoreServer = {
    url: '',
    endpoints: [],
    requests: [],
    complaints: [],
    fault: undefined,
    hangs: false,
  };
  const server = createServer((request, response) => {
    void answer(state, request, response);
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
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return state;
}

async function answer(
  state: PetstoreServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  state.requests.push(`${request.method} ${request.url}`);
  if (state.hangs) return;
  const { fault } = state;
  if (fault) {
    if (fault.times !== undefined && --fault.times <= 0) state.fault = undefined;
    const text = typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? {});
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(text);
    return;
  }
  const [status, body] = await route(state, request, Buffer.concat(chunks).toString());
  if (status >= 400)
    state.complaints.push(`${request.method} ${request.url}: ${status} ${JSON.stringify(body)}`);
  response
    .writeHead(status, body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' })
    .end(body === undefined ? undefined : JSON.stringify(body));
}

async function route(state: PetstoreServer, request: IncomingMessage, text: string): Promise<Answer> {
  const { method = '', url = '', headers } = request;
  if (headers.authorization !== `Bearer ${TOKEN}`) return problem(401, 'Invalid or missing bearer token');
  if (headers.accept !== 'application/json') return problem(406, 'Accept must be application/json');
  const path = /^\/v1\/webhooks(?:\/([^/?]+))?(\/test)?$/.exec(url);
  if (!path) return problem(404, `No such path: ${url}`);
  const [, id, test] = path;
  const hasBody = method === 'POST' || method === 'PATCH' || method === 'PUT';
  if (hasBody && headers['content-type'] !== 'application/json')
    return problem(415, 'Content-Type must be application/json');
  if (!hasBody && text !== '') return problem(400, 'This request has no body');
  let body: Record<string, unknown> = {};
  try {
    if (hasBody) body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return problem(400, 'The body is not JSON');
  }
  if (id === undefined)
    return method === 'POST'
      ? create(state, body)
      : method === 'GET'
        ? list(state)
        : problem(405, 'GET, POST');
  const endpoint = state.endpoints.find((one) => one.id === decodeURIComponent(id));
  if (!endpoint) return problem(404, 'Webhook not found');
  if (test) return method === 'POST' ? sendTest(endpoint, body) : problem(405, 'POST');
  if (method === 'GET') return [200, { data: shown(endpoint) }];
  if (method === 'PATCH') return change(endpoint, body);
  if (method === 'DELETE') {
    state.endpoints.splice(state.endpoints.indexOf(endpoint), 1);
    return [204];
  }
  return problem(405, 'GET, PATCH, DELETE');
}

function create(state: PetstoreServer, body: Record<string, unknown>): Answer {
  const errors = faults(body, ['url', 'events', 'secret'], true);
  if (errors.length > 0) return problem(422, 'Validation failed', errors);
  const { url, events, secret } = body as Pick<Registered, 'url' | 'events' | 'secret'>;
  if (state.endpoints.some((endpoint) => endpoint.url === url))
    return problem(409, 'A webhook with this URL exists');
  const createdAt = new Date().toISOString();
  const endpoint: Registered = { id: `wh_${randomUUID()}`, url, events, secret, status: 'active', createdAt };
  state.endpoints.push(endpoint);
  return [201, { data: shown(endpoint) }];
}

function list({ endpoints }: PetstoreServer): Answer {
  return [200, { data: endpoints.map(shown) }];
}

function change(endpoint: Registered, body: Record<string, unknown>): Answer {
  const errors = faults(body, ['url', 'events', 'secret', 'status'], false);
  if (errors.length > 0) return problem(422, 'Validation failed', errors);
  Object.assign(endpoint, body);
  return [200, { data: shown(endpoint) }];
}

async function sendTest({ url, secret }: Registered, body: Record<string, unknown>): Promise<Answer> {
  if (Object.keys(body).join() !== 'eventType' || !EVENTS.includes(String(body['eventType']))) {
    return problem(422, 'Validation failed', [{ field: 'eventType', message: 'is not a known event type' }]);
  }
  const event = {
    id: `test_${randomUUID()}`,
    eventType: body['eventType'],
    timestamp: '2025-01-06T12:00:00Z',
    data: { pet: { id: 'pet_1' } },
  };
  const text = JSON.stringify(event);
  const key = `hexkey:${Buffer.from(secret).toString('hex')}`;
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', key, '-r'], {
    input: text,
  });
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-petstore-signature': `sha256=${String(digest).slice(0, 64)}`,
    },
    body: text,
    signal: AbortSignal.timeout(5_000),
  }).catch(() => undefined);
  return [200, { data: { delivered: response?.ok === true, statusCode: response?.status ?? null } }];
}

/** The fields that are not as the guide has them. */
function faults(body: Record<string, unknown>, known: string[], all: boolean) {
  const errors: Array<{ field: string; message: string }> = [];
  for (const field of Object.keys(body))
    if (!known.includes(field)) errors.push({ field, message: 'is not known' });
  const given = (field: string) => all || field in body;
  const { url, events, secret, status } = body;
  if (given('url') && !(typeof url === 'string' && /^(?:https:|http:\/\/127\.0\.0\.1[:/])/.test(url))) {
    errors.push({ field: 'url', message: 'must be an https URL' });
  }
  if (
    given('events') &&
    !(Array.isArray(events) && events.length > 0 && events.every((event) => EVENTS.includes(String(event))))
  ) {
    errors.push({ field: 'events', message: `must be one or more of ${EVENTS.join(', ')}` });
  }
  if (given('secret') && !(typeof secret === 'string' && secret.length >= 16)) {
    errors.push({ field: 'secret', message: `must have at least 16 characters; given: ${String(secret)}` });
  }
  if ('status' in body && status !== 'active') errors.push({ field: 'status', message: 'must be active' });
  return errors;
}

/** Without the secret, which is never sent back. */
function shown({ secret: _secret, ...rest }: Registered): Omit<Registered, 'secret'> {
  return rest;
}

function problem(status: number, message: string, errors?: object[]): Answer {
  return [status, { error: { message, ...(errors && { errors }) } }];
}
