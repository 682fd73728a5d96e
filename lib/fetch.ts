/** Why a fetch gave nothing. Stable names, for logs and for deciding what to do next. */
export type FetchFailure = 'bad-url' | 'timeout' | 'aborted' | 'too-large' | 'redirect' | 'network';

/** A fetch that gave nothing. Its message names the origin only: paths and queries may hold tokens. */
export class FetchError extends Error {
  override name = 'FetchError';
  readonly reason: FetchFailure;

  constructor(reason: FetchFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export interface FetchLimits {
  /** Milliseconds for everything: connecting, the headers and the whole body. */
  timeoutMs: number;
  /** Bytes of the body after decompression. */
  maxBytes: number;
  /** The `Accept` header. */
  accept?: string;
  /** Default GET. */
  method?: string;
  /** Besides `Accept` and `User-Agent`. */
  headers?: Record<string, string>;
  body?: string;
  /** Gives up earlier than `timeoutMs`, such as `ctx.signal` of a handler. */
  signal?: AbortSignal;
}

export interface Fetched {
  /** Any status but 3xx: a 404 or 500 is an answer, not an error. */
  status: number;
  headers: Headers;
  /** The body as UTF-8. */
  text: string;
}

/**
 * GETs a small document over http or https (or sends another request that is answered with one) and never follows
 * a redirect, so that a checked URL is the one that is asked.
 * @throws {FetchError}
 */
export async function fetchLimited(url: string | URL, limits: FetchLimits): Promise<Fetched> {
  const target = checkedUrl(url);
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const signal of [deadline, limits.signal]) signal?.addEventListener('abort', abort, { once: true });
  if (limits.signal?.aborted) abort();
  try {
    const response = await fetch(target, {
      redirect: 'manual',
      signal: controller.signal,
      headers: { accept: limits.accept ?? '*/*', 'user-agent': 'hookline', ...limits.headers },
      ...(limits.method === undefined ? {} : { method: limits.method }),
      ...(limits.body === undefined ? {} : { body: limits.body }),
    });
    if (response.status >= 300 && response.status < 400) {
      throw new FetchError('redirect', `${target.origin} answered with a redirect, which is not followed`);
    }
    const text = await readLimited(response, limits.maxBytes, controller.signal);
    return { status: response.status, headers: response.headers, text };
  } catch (error) {
    if (error instanceof FetchError) throw error;
    if (limits.signal?.aborted)
      throw new FetchError('aborted', `the request to ${target.origin} was given up`, error);
    if (deadline.aborted) {
      throw new FetchError('timeout', `${target.origin} did not answer within ${limits.timeoutMs} ms`, error);
    }
    throw new FetchError('network', `${target.origin} could not be reached: ${rootMessage(error)}`, error);
  } finally {
    limits.signal?.removeEventListener('abort', abort);
    deadline.removeEventListener('abort', abort);
    // Ends whatever is still open: the body of a redirect or of a document that is too large.
    abort();
  }
}

/** `fetch` alone would take `data:` and `blob:` too. */
function checkedUrl(url: string | URL): URL {
  const target = URL.canParse(String(url)) ? new URL(url) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password) {
    throw new FetchError('bad-url', 'only http and https URLs without credentials are fetched');
  }
  return target;
}

async function readLimited(response: Response, maxBytes: number, signal: AbortSignal): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  // Not left to fetch alone: between headers and body its own link to the signal may be garbage collected.
  signal.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return new TextDecoder().decode(Buffer.concat(chunks));
    size += value.byteLength;
    if (size > maxBytes) throw new FetchError('too-large', `the answer is larger than ${maxBytes} bytes`);
    chunks.push(value);
  }
}

/** undici says only "fetch failed"; the reason is in its cause. */
function rootMessage(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  // Several addresses were tried, and each failed: the first one's reason will do.
  if (root instanceof AggregateError && root.errors[0] instanceof Error) root = root.errors[0];
  return root instanceof Error ? root.message || root.name : String(root);
}
