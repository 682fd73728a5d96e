import type http from 'node:http';
import type https from 'node:https';
import { post, type SignedRequest } from '../sender.js';

/** What one exchange with the receiver came to. */
export interface Attempt {
  /** `undefined`: there was no complete answer. */
  status: number | undefined;
  /** `200 accepted`, `200 duplicate`, `200 spooled`, `403`; a code such as `ECONNREFUSED` or `timeout` without an answer. */
  label: string;
  milliseconds: number | undefined;
  headers: http.IncomingHttpHeaders;
}

/** Posts once. Never throws for what the receiver or the network does. */
export async function attempt(
  baseUrl: string,
  request: SignedRequest,
  options: { timeoutMs: number; agent: http.Agent | https.Agent },
): Promise<Attempt> {
  try {
    const { status, body, milliseconds, headers } = await post(baseUrl, request, options);
    return { status, label: labelOf(status, body), milliseconds, headers };
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return { status: undefined, label: failureOf(error as Error), milliseconds: undefined, headers: {} };
  }
}

/** What a Hookline says with its 200. */
const SAID = new Set<unknown>(['accepted', 'duplicate', 'spooled']);

function labelOf(status: number, body: string): string {
  if (status !== 200) return String(status);
  try {
    const said: unknown = (JSON.parse(body) as { status?: unknown }).status;
    return SAID.has(said) ? `200 ${String(said)}` : '200';
  } catch {
    return '200';
  }
}

function failureOf(error: NodeJS.ErrnoException): string {
  if (error.message.startsWith('No complete answer')) return 'timeout';
  const [first] = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [];
  return error.code ?? first?.code ?? 'no answer';
}
