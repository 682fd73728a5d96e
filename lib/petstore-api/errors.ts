import type { FetchError } from '../fetch.js';
import { isObject } from './endpoint.js';

/** Stable names, for scripts that read `--json`. */
export type ApiErrorCode =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'invalid'
  | 'rate-limited'
  | 'provider-fault'
  | 'network'
  | 'timeout'
  | 'unexpected';

/** Petstore's API did not do what it was asked. The message says what to do and holds no secret and no token. */
export class PetstoreApiError extends Error {
  override name = 'PetstoreApiError';
  readonly code: ApiErrorCode;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(code: ApiErrorCode, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** What was asked, for messages: `to create the endpoint`. */
export interface Asked {
  purpose: string;
  /** The API's base URL. */
  baseUrl: string;
  /** Is it about one endpoint, which may not be there? */
  aboutOne: boolean;
  /** May the request have had an effect although it failed, which trying again could double? */
  ambiguous: boolean;
}

/** The error for an answer other than 2xx. `said` is the provider's own words, if any. */
export function errorOf(status: number, said: string, asked: Asked) {
  const quoted = said === '' ? '' : ` It says: ${said}.`;
  const { purpose, ambiguous } = asked;
  const [code, message] = explain(status, asked);
  const did = status >= 500 ? 'failed' : 'refused';
  const doubt = ambiguous && status >= 500 ? ` ${UNCERTAIN}` : '';
  return new PetstoreApiError(
    code,
    `Petstore ${did} ${purpose} (${status}). ${message}${quoted}${doubt}`,
    status,
  );
}

const UNCERTAIN =
  'Whether it was done all the same is not known: look with "hookline endpoints list" before you try again.';

function explain(status: number, { baseUrl, aboutOne }: Asked): [ApiErrorCode, string] {
  if (status === 401) {
    return ['unauthorized', 'The token is not accepted: set PETSTORE_API_TOKEN to one that is current.'];
  }
  if (status === 403) {
    return ['forbidden', 'The token may not do this: use one of an account that may manage webhooks.'];
  }
  if (status === 404) {
    return aboutOne
      ? ['not-found', 'There is no such endpoint: "hookline endpoints list" shows the ids.']
      : ['not-found', `There is no API at this address: check PETSTORE_API_URL (${baseUrl}).`];
  }
  if (status === 409) {
    return [
      'conflict',
      'It is in conflict with what is there, most likely an endpoint with this URL: find it with "hookline endpoints list" and change it with "hookline endpoints update".',
    ];
  }
  if (status === 400 || status === 422) {
    return ['invalid', 'Something in the request is not accepted: check --url (public, https) and --events.'];
  }
  if (status === 429) {
    return ['rate-limited', 'Too many requests: wait a minute and try again.'];
  }
  if (status >= 500) {
    return ['provider-fault', 'The fault is on the provider’s side: try again later.'];
  }
  return ['unexpected', `That answer is not expected: check PETSTORE_API_URL (${baseUrl}).`];
}

/** The error for no answer at all. */
export function errorOfFetch(error: FetchError, { purpose, baseUrl, ambiguous }: Asked): PetstoreApiError {
  const doubt = ambiguous && error.reason !== 'bad-url' && !neverSent(error) ? ` ${UNCERTAIN}` : '';
  if (error.reason === 'timeout') {
    const message = `Petstore was asked ${purpose} and did not answer in time (${error.message}). Try again, or with a longer --timeout.`;
    return new PetstoreApiError('timeout', message + doubt);
  }
  if (error.reason === 'redirect' || error.reason === 'too-large' || error.reason === 'bad-url') {
    return new PetstoreApiError(
      'unexpected',
      `Petstore could not be asked ${purpose}: ${error.message}. Check PETSTORE_API_URL (${baseUrl}).`,
    );
  }
  return new PetstoreApiError(
    'network',
    `Petstore could not be asked ${purpose}: ${error.message}. Check PETSTORE_API_URL (${baseUrl}), the name server, and whether this machine may reach the internet.${doubt}`,
  );
}

/** Did the request not leave this machine? Then to try again can double nothing. */
export function neverSent(error: FetchError): boolean {
  let root: unknown = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  const errors = root instanceof AggregateError ? root.errors : [root];
  return errors.every((each: unknown) =>
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
      (each as NodeJS.ErrnoException).code ?? '',
    ),
  );
}

/**
 * What the provider says of an error, on one line and short: `message`, `detail` or `error`, and the fields that
 * are wrong. Every one of `secrets` is masked, as a server may echo what it was sent.
 */
export function saidBy(body: unknown, secrets: string[]): string {
  if (!isObject(body)) return '';
  const nested = isObject(body['error']) ? body['error'] : body;
  const text = ['message', 'detail', 'title', 'error'].map((name) => nested[name]).find(isText) ?? '';
  const errors = nested['errors'] ?? nested['details'] ?? body['errors'];
  const fields = Array.isArray(errors) ? errors.slice(0, 10).map(describeField).filter(isText) : [];
  return mask([text, ...fields].filter(isText).join('; '), secrets);
}

function describeField(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!isObject(error)) return '';
  const name = [error['field'], error['path'], error['pointer']].find(isText);
  const problem = [error['message'], error['detail'], error['code']].find(isText) ?? 'is wrong';
  return name === undefined ? problem : `${name}: ${problem}`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function mask(text: string, secrets: string[]): string {
  let masked = text;
  for (const secret of secrets) if (secret !== '') masked = masked.replaceAll(secret, '***');
  return masked
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 300)
    .replace(/\.$/, '');
}
