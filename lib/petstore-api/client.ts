/**
 * Petstore's management API (PetstoreAPI Webhooks Protocol Guide): endpoints are registered, listed, changed, tested
 * and deleted under `/webhooks`. What the guide does not show is listed in docs/providers/petstore.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FetchError, fetchLimited, type Fetched } from '../fetch.js';
import { Budget } from '../budget.js';
import { isObject, readEndpoint, readEndpoints, type Endpoint } from './endpoint.js';
import { errorOf, errorOfFetch, neverSent, PetstoreApiError, saidBy, type Asked } from './errors.js';

export interface PetstoreApiOptions {
  /** Such as `https://api.petstoreapi.com/v1`. */
  baseUrl: string;
  token: string;
  /** Milliseconds for one request. Default 10,000. */
  timeoutMs?: number;
  /** How often a request is repeated at most. Default 3. */
  retries?: number;
  /** Milliseconds before the first repetition; the pause doubles. Default 500. */
  pauseMs?: number;
}

export interface NewEndpoint {
  url: string;
  events: string[];
  secret: string;
}

/** What a test brought, as far as the answer tells. */
export interface TestResult {
  /** Did our receiver answer 2xx? `null`: not told, look for the event at the receiver. */
  delivered: boolean | null;
  /** What our receiver answered. */
  status: number | null;
}

interface Request {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  path: string;
  body?: object;
  purpose: string;
}

const MAX_ANSWER = 1024 * 1024;
/** Milliseconds: a longer `Retry-After` is for a person to wait for. */
const MAX_PAUSE = 30_000;
const MAX_PAGES = 50;
/** The guide's limit for clients: 100 requests a minute. */
const RATE = { burst: 100, intervalMs: 600 };

/** Every method @throws {PetstoreApiError}. */
export class PetstoreApi {
  readonly #options: Required<PetstoreApiOptions>;
  readonly #budget = new Budget(RATE.burst, RATE.intervalMs);

  constructor(options: PetstoreApiOptions) {
    this.#options = {
      timeoutMs: 10_000,
      retries: 3,
      pauseMs: 500,
      ...options,
      baseUrl: options.baseUrl.replace(/\/+$/, ''),
    };
  }

  /** Registers an endpoint. Not repeated where it may have been done: a second one would get every event too. */
  async create(endpoint: NewEndpoint): Promise<Endpoint> {
    const purpose = 'to create the endpoint';
    const answer = await this.#ask({ method: 'POST', path: '/webhooks', body: endpoint, purpose });
    const created = readEndpoint(answer) ?? (await this.#findNewest(endpoint.url));
    if (created) return created;
    throw unexpected(purpose);
  }

  async list(): Promise<Endpoint[]> {
    const purpose = 'to list the endpoints';
    const found: Endpoint[] = [];
    let path: string | undefined = '/webhooks';
    for (let page = 0; path !== undefined && page < MAX_PAGES; page += 1) {
      const read = readEndpoints(await this.#ask({ method: 'GET', path, purpose }));
      if (!read) throw unexpected(purpose);
      found.push(...read.endpoints);
      path = this.#pathOf(read.next);
    }
    return found;
  }

  async get(id: string): Promise<Endpoint> {
    const purpose = 'to show the endpoint';
    const endpoint = readEndpoint(await this.#ask({ method: 'GET', path: pathOfId(id), purpose }));
    if (!endpoint) throw unexpected(purpose);
    return endpoint;
  }

  /** Changes what is given and nothing else: with PATCH, or with PUT where PATCH is not known (405, 501). */
  async update(id: string, change: Partial<NewEndpoint> & { status?: 'active' }): Promise<Endpoint> {
    const purpose = 'to change the endpoint';
    const request = { path: pathOfId(id), purpose };
    let answer: unknown;
    try {
      answer = await this.#ask({ ...request, method: 'PATCH', body: change });
    } catch (error) {
      if (!(error instanceof PetstoreApiError) || (error.status !== 405 && error.status !== 501)) throw error;
      const { url, events } = await this.get(id);
      answer = await this.#ask({ ...request, method: 'PUT', body: { url, events, ...change } });
    }
    return readEndpoint(answer) ?? this.get(id);
  }

  async delete(id: string): Promise<void> {
    await this.#ask({ method: 'DELETE', path: pathOfId(id), purpose: 'to delete the endpoint' });
  }

  /** Has the provider send a sample event to the endpoint. */
  async test(id: string, eventType: string): Promise<TestResult> {
    const purpose = 'to test the endpoint';
    const answer = await this.#ask({
      method: 'POST',
      path: `${pathOfId(id)}/test`,
      body: { eventType },
      purpose,
    });
    return readTestResult(answer);
  }

  /** @returns the answer's JSON; `undefined` for an empty one */
  async #ask(request: Request): Promise<unknown> {
    const { baseUrl, token, retries } = this.#options;
    // To create or to test twice is to have two; all else comes to the same however often it is done.
    const ambiguous = request.method === 'POST';
    const aboutOne = request.path.startsWith('/webhooks/');
    const asked: Asked = { purpose: request.purpose, baseUrl, aboutOne, ambiguous };
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#send(request).catch((error: unknown) => {
        if (error instanceof FetchError) return error;
        throw error;
      });
      if (attempt <= retries && (await this.#waitToRepeat(answer, ambiguous, attempt))) continue;
      if (answer instanceof FetchError) throw errorOfFetch(answer, asked);
      const body = parse(answer.text);
      if (answer.status >= 200 && answer.status < 300) {
        if (body !== undefined || answer.text.trim() === '') return body;
        throw unexpected(request.purpose);
      }
      // Deleted by an earlier try whose answer was lost.
      if (request.method === 'DELETE' && answer.status === 404 && attempt > 1) return undefined;
      throw errorOf(answer.status, saidBy(body, [token, secretOf(request)]), asked);
    }
  }

  async #send({ method, path, body }: Request): Promise<Fetched> {
    while (!this.#budget.take(Date.now())) await sleep(RATE.intervalMs);
    return fetchLimited(this.#options.baseUrl + path, {
      timeoutMs: this.#options.timeoutMs,
      maxBytes: MAX_ANSWER,
      accept: 'application/json',
      method,
      headers: {
        authorization: `Bearer ${this.#options.token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  /** Waits and says yes where trying again may help and can do no harm. */
  async #waitToRepeat(answer: Fetched | FetchError, ambiguous: boolean, attempt: number): Promise<boolean> {
    const pause = this.#options.pauseMs * 2 ** (attempt - 1) * (1 + Math.random() / 2);
    if (answer instanceof FetchError) {
      if (answer.reason !== 'network' && answer.reason !== 'timeout') return false;
      if (ambiguous && !neverSent(answer)) return false;
      await sleep(pause);
      return true;
    }
    const { status, headers } = answer;
    if (status !== 429 && (ambiguous || ![500, 502, 503, 504].includes(status))) return false;
    const wanted = retryAfter(headers) ?? pause;
    if (wanted > MAX_PAUSE) return false;
    await sleep(Math.max(wanted, pause));
    return true;
  }

  async #findNewest(url: string): Promise<Endpoint | undefined> {
    return (await this.list()).findLast((endpoint) => endpoint.url === url);
  }

  /** A link of the answer, as a path below the base URL; one that leads elsewhere is not followed: it would get the token. */
  #pathOf(link: string | undefined): string | undefined {
    if (link === undefined) return undefined;
    const base = new URL(`${this.#options.baseUrl}/`);
    const url = URL.canParse(link, base.href) ? new URL(link, base) : undefined;
    const root = base.pathname.replace(/\/$/, '');
    if (url?.origin !== base.origin || !url.pathname.startsWith(`${root}/`)) return undefined;
    return url.pathname.slice(root.length) + url.search;
  }
}

function pathOfId(id: string): string {
  return `/webhooks/${encodeURIComponent(id)}`;
}

function secretOf({ body }: Request): string {
  const secret = body && 'secret' in body ? body.secret : '';
  return typeof secret === 'string' ? secret : '';
}

/** RFC 9110 §10.2.3: seconds, or a date → milliseconds. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function readTestResult(answer: unknown): TestResult {
  const outer = isObject(answer) ? answer : {};
  const result = isObject(outer['data']) ? outer['data'] : outer;
  const status = [result['statusCode'], result['responseStatus'], result['status']].find(
    (value) => typeof value === 'number',
  );
  const said = [result['delivered'], result['success']].find((value) => typeof value === 'boolean');
  const delivered = said ?? (typeof status === 'number' ? status >= 200 && status < 300 : null);
  return { delivered, status: status ?? null };
}

function unexpected(purpose: string): PetstoreApiError {
  return new PetstoreApiError(
    'unexpected',
    `Petstore was asked ${purpose} and gave an answer that cannot be read. Check PETSTORE_API_URL.`,
  );
}
