/** Requests for any path. */
import * as fc from 'fast-check';
import { body as anyBody, headers as anyHeaders, text, whole } from '../hostile.js';
import type { Drawn } from './drawn.js';

const SEGMENTS = [
  'webhooks',
  'petstore',
  'pitchpoint',
  'pce',
  'admin',
  'queues',
  'api',
  'deliveries',
  'health',
  'live',
  'ready',
];
const segment = fc.oneof(
  fc.constantFrom(...SEGMENTS, 'metrics', '..', '.', '', '%2e%2e', '%00', '%ff', '%', '*', 'static'),
  text.map(encodeURIComponentSafely),
);

function encodeURIComponentSafely(given: string): string {
  return encodeURIComponent(whole(given));
}

const start = fc.constantFrom(
  [],
  ['webhooks', 'petstore'],
  ['admin', 'queues', 'api', 'queues'],
  ['admin', 'api', 'deliveries'],
  ['health', 'live'],
  ['metrics'],
);

export function elsewhere(): fc.Arbitrary<Drawn> {
  const method = fc.constantFrom(
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'QUERY',
  );
  const query = fc.option(
    text.map((given) => `?${encodeURIComponentSafely(given)}=1`),
    { nil: '' },
  );
  const credentials = fc.option(
    text.map((given): [string, string] => [
      'Authorization',
      `Basic ${Buffer.from(given).toString('base64')}`,
    ]),
  );
  return fc
    .tuple(
      method,
      fc.tuple(start, fc.array(segment, { maxLength: 3 })),
      query,
      anyHeaders,
      anyBody,
      credentials,
    )
    .map(([method, [first, segments], query, headers, body, basic]) => ({
      kind: 'any path',
      expected: 'unjudged' as const,
      method,
      path: `/${[...first, ...segments].join('/')}${query}`,
      headers: basic ? [...headers, basic] : headers,
      body,
    }));
}
