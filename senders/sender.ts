import http from 'node:http';
import https from 'node:https';

/** An event as a provider might send it. Providers add fields of their own. */
export interface Sample {
  /** What the receiver should take for the topic. */
  topic: string;
  subTopic?: string;
  tenantId?: string;
  /** The payload, as the provider nests it: the whole body, the `Message` or the envelope's `data`. */
  data: unknown;
}

/**
 * How a request is spoilt once it is complete:
 * - `body`: changed after it was signed, though not in meaning; only where the body is signed,
 * - `signature`: one byte of the signature changed,
 * - `token`: a whole and well-formed proof, made with a key that is not the provider's.
 */
export type Tamper = 'body' | 'signature' | 'token';

export interface RequestOptions {
  /** The webhook id; a new one is made for each request when it is left out. */
  id?: string;
  tamper?: Tamper;
  /** Takes the place of the sample's `data`. */
  data?: unknown;
  /** Takes the place of the time now; as the provider writes it. */
  triggeredAt?: string;
  /** Pitchpoint only. */
  subTopic?: string;
  /** Pitchpoint only. */
  tenantId?: string;
}

/** A delivery ready to be posted, and what the receiver should make of it. */
export interface SignedRequest {
  path: `/webhooks/${string}`;
  method: 'POST';
  /** Names spelt as the provider spells them. */
  headers: Record<string, string>;
  /** The exact bytes that were signed. */
  body: Buffer;
  id: string;
  topic: string;
}

/** The sending half of a provider. Shares no code with the receiving half, so that each can prove the other. */
export interface Sender<S extends Sample = Sample, O extends RequestOptions = RequestOptions> {
  source: string;
  /** The environment variables that make a receiver trust this sender. */
  environment: Record<string, string>;
  /** @throws {TypeError} when the options ask for something that this provider cannot send. */
  request(sample: S, options?: O): Promise<SignedRequest>;
  /** Stops whatever the sender started. May be called twice. */
  close(): Promise<void>;
}

export interface PostOptions {
  /** Milliseconds for the whole exchange. */
  timeoutMs: number;
  agent?: http.Agent | https.Agent;
}

/** What the receiver answered. */
export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  /** From the first byte sent to the last byte read. */
  milliseconds: number;
}

/** Bytes of an answer that are read before the exchange is given up. */
const MAX_ANSWER = 1024 * 1024;

/**
 * Posts a delivery to a receiver. Follows no redirects: like the providers, it takes them as the answer.
 * @param baseUrl such as `http://127.0.0.1:3000`; the request's path is appended.
 * @throws {TypeError} when `baseUrl` is no http or https URL.
 * @throws {Error} when there is no complete answer within the time limit, or one larger than 1 MiB, or none at all.
 */
export async function post(baseUrl: string, request: SignedRequest, options: PostOptions): Promise<Answer> {
  const url = new URL(baseUrl.replace(/\/+$/, '') + request.path);
  const signal = AbortSignal.timeout(options.timeoutMs);
  const started = performance.now();
  try {
    const response = await exchange(url, request, options.agent, signal);
    const body = await readBounded(response);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body,
      milliseconds: performance.now() - started,
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Error(`No complete answer from ${url.origin} within ${options.timeoutMs} ms.`, {
      cause: error,
    });
  }
}

function exchange(
  url: URL,
  { method, headers, body }: SignedRequest,
  agent: http.Agent | undefined,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`Not an http or https URL: ${url.protocol}`);
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    request(url, { method, headers: { ...headers, 'Content-Length': body.length }, agent, signal }, resolve)
      .on('error', reject)
      .end(body);
  });
}

async function readBounded(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop by an exception closes the connection.
    if (size > MAX_ANSWER) throw new Error(`The answer is larger than ${MAX_ANSWER} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
