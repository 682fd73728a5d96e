/**
 * The one catalogue of what can go wrong over HTTP: a stable code, its status, and what to do.
 * Messages go to strangers: no secret, stack, cause of a refusal or internal address in them.
 */
export const CATALOGUE = {
  HKL_ERR_UNAUTHORIZED: {
    statusCode: 401,
    message: 'The delivery is not authentic. Check its signature or credentials.',
  },
  HKL_ERR_FORBIDDEN: {
    statusCode: 403,
    message: 'The delivery is not authorised. Check its token or signature.',
  },
  HKL_ERR_UNKNOWN_SOURCE: {
    statusCode: 404,
    message: 'There is no such source. Check the path: /webhooks/<source>.',
  },
  HKL_ERR_NOT_FOUND: { statusCode: 404, message: 'There is nothing at this path.' },
  HKL_ERR_UNKNOWN_DELIVERY: {
    statusCode: 404,
    message: 'No delivery with this id is remembered for this source.',
  },
  HKL_ERR_METHOD_NOT_ALLOWED: { statusCode: 405, message: 'Deliveries are sent with POST.' },
  HKL_ERR_BODY_TOO_LARGE: { statusCode: 413, message: 'The body is larger than BODY_LIMIT allows.' },
  HKL_ERR_BAD_REQUEST: {
    statusCode: 400,
    message: 'The request could not be read. Check its length, headers and encoding.',
  },
  HKL_ERR_INVALID_PARAMETERS: { statusCode: 400, message: 'Some parameters are not as expected.' },
  HKL_ERR_CROSS_SITE: {
    statusCode: 403,
    message: 'A change must come from this site itself, not from another page.',
  },
  HKL_ERR_UNKNOWN_SESSION: { statusCode: 404, message: 'There is no such replay or discard.' },
  HKL_ERR_NOT_ENDED: {
    statusCode: 409,
    message: 'The delivery has not failed: it waits, is in hand or will be tried again by itself.',
  },
  HKL_ERR_NEEDS_FORCE: {
    statusCode: 409,
    message: 'The delivery was handled with success. Ask with force to have that done all the same.',
  },
  HKL_ERR_JOB_GONE: {
    statusCode: 409,
    message:
      'Only the id of the delivery is remembered: its content is gone, so nothing can be handled again.',
  },
  HKL_ERR_CHANGED: {
    statusCode: 409,
    message: 'The delivery changed while it was being asked for. Look at it again.',
  },
  HKL_ERR_SESSION_ENDED: { statusCode: 409, message: 'This replay or discard has come to its end.' },
  HKL_ERR_TOO_MANY_SESSIONS: {
    statusCode: 409,
    message: 'As many replays and discards are running here as may at once. Stop one, or wait for its end.',
  },
  HKL_ERR_URI_TOO_LONG: { statusCode: 414, message: 'The path is longer than is taken here.' },
  HKL_ERR_HEADERS_TOO_LARGE: {
    statusCode: 431,
    message: 'The headers are larger, or more, than are taken here.',
  },
  HKL_ERR_REQUEST_TIMEOUT: { statusCode: 408, message: 'The request did not arrive in time. Send it again.' },
  HKL_ERR_ADMIN_UNAUTHORIZED: { statusCode: 401, message: 'Log in with ADMIN_USER and ADMIN_PASSWORD.' },
  HKL_ERR_ADMIN_LOCKED: {
    statusCode: 429,
    message: 'Too many wrong passwords came from this address. Wait before the next try.',
  },
  HKL_ERR_READ_ONLY: { statusCode: 403, message: 'ADMIN_READONLY is set: nothing can be changed here.' },
  HKL_ERR_STORE_UNAVAILABLE: {
    statusCode: 503,
    message: 'The delivery could not be stored just now. Send it again later.',
  },
  HKL_ERR_KEYS_UNAVAILABLE: {
    statusCode: 503,
    message: 'The delivery could not be verified just now. Send it again later.',
  },
  HKL_ERR_OVERLOADED: { statusCode: 503, message: 'Too many deliveries at once. Send it again later.' },
  HKL_ERR_SHUTTING_DOWN: { statusCode: 503, message: 'This process is shutting down. Send it again.' },
  HKL_ERR_INTERNAL: { statusCode: 503, message: 'Something went wrong here. Send the delivery again later.' },
} as const satisfies Record<string, { statusCode: number; message: string }>;

export type ErrorCode = keyof typeof CATALOGUE;

/** An error of the catalogue, ready to be answered. `detail` is said as well; `cause` is for the log only. */
export class HooklineError extends Error {
  readonly code: ErrorCode;
  readonly statusCode: number;
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter: number | undefined;
  readonly headers: Record<string, string>;

  constructor(
    code: ErrorCode,
    options: { cause?: unknown; detail?: string; retryAfter?: number; headers?: Record<string, string> } = {},
  ) {
    super([CATALOGUE[code].message, options.detail].filter(Boolean).join(' '), { cause: options.cause });
    this.name = 'HooklineError';
    this.code = code;
    this.statusCode = CATALOGUE[code].statusCode;
    this.retryAfter = options.retryAfter ?? (this.statusCode === 503 ? 5 : undefined);
    this.headers = options.headers ?? {};
  }
}

/** Our own fault: the sender is asked to try again, never told that its delivery is bad. */
export class UnavailableError extends HooklineError {
  constructor(
    code:
      | 'HKL_ERR_STORE_UNAVAILABLE'
      | 'HKL_ERR_KEYS_UNAVAILABLE'
      | 'HKL_ERR_OVERLOADED'
      | 'HKL_ERR_SHUTTING_DOWN',
    cause?: unknown,
    /** Seconds. */
    retryAfter?: number,
  ) {
    super(code, { cause, ...(retryAfter === undefined ? {} : { retryAfter }) });
    this.name = 'UnavailableError';
  }
}
