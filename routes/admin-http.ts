/** What the routes of `/admin/api` share: who asks, what is let in, how answers are written. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HooklineError, UnavailableError } from '../lib/errors.js';

const HOW_TO_CHANGE =
  'Send Content-Type: application/json or an X-Requested-With header, which a page of another site cannot.';

/** Who asks: the name that the guard let in, or this machine where no credentials are set. */
export function operatorOf({ headers }: FastifyRequest): string {
  const [, credentials = ''] = headers.authorization?.split(' ') ?? [];
  const [user] = Buffer.from(credentials, 'base64').toString().split(':');
  return `admin:${user ? user.replace(/[^\w.@+-]/g, '_') : 'local'}`;
}

/** What answers a request fails for want of the store, unless it says otherwise. */
export async function fromStore<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof HooklineError ? error : new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
  }
}

/** The JSON Schema by which Fastify writes an answer. */
export function toJsonSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, { target: 'draft-7' });
}

/** Checks a part of a request with its zod schema; what is wrong is answered in words. */
export function validateWith(schema: z.ZodType) {
  return (given: unknown) => {
    const result = schema.safeParse(given);
    if (result.success) return { value: result.data };
    const problems = result.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'request'}: ${message}.`,
    );
    return { error: new HooklineError('HKL_ERR_INVALID_PARAMETERS', { detail: problems.join(' ') }) };
  };
}

/**
 * A browser that is logged in here sends its credentials along with whatever another site's page makes it send;
 * but such a page can set neither of these headers without being let by us, which it is not.
 */
export async function refuseForeignPages({ method, headers }: FastifyRequest): Promise<void> {
  if (method === 'GET' || method === 'HEAD') return;
  const json = /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
  const ours = json || headers['x-requested-with'] !== undefined;
  if (!ours || headers['sec-fetch-site'] === 'cross-site') {
    throw new HooklineError('HKL_ERR_CROSS_SITE', { detail: HOW_TO_CHANGE });
  }
}
