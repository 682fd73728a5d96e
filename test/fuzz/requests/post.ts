/** Deliveries with hostile headers besides their own, in chunks or in one piece. */
import * as fc from 'fast-check';
import { headers as anyHeaders, type Headers } from '../hostile.js';
import type { Drawn, Expected } from './drawn.js';

const sizes = fc.option(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 }), {
  nil: undefined,
  freq: 4,
});

export function post(
  kind: string,
  expected: Expected,
  source: string,
  parts: fc.Arbitrary<{ headers: Headers; body: Buffer }>,
): fc.Arbitrary<Drawn> {
  return fc.tuple(parts, anyHeaders, sizes).map(([{ headers, body }, more, chunks]) => ({
    kind: `${source}: ${kind}`,
    expected,
    method: 'POST',
    path: `/webhooks/${source}`,
    headers: [...headers, ...more],
    body,
    ...(chunks && { chunks }),
  }));
}
