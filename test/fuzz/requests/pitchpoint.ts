/** Deliveries of Pitchpoint: with good tokens, and with those that were good once. */
import * as fc from 'fast-check';
import { body as anyBody, headerValue, value, type Headers } from '../hostile.js';
import type { World } from '../world.js';
import { post } from './post.js';

export function pitchpoint(world: World) {
  const named = fc
    .tuple(headerValue, headerValue, headerValue, headerValue)
    .map(([id, topic, tenant, at]): Headers => [
      ['X-Pps-Webhook-Id', id],
      ['X-Pps-Topic', topic],
      ['X-Pps-Tenant-Id', tenant],
      ['X-Pps-Triggered-At', at],
    ]);
  const withToken = (token: fc.Arbitrary<string>) =>
    fc.tuple(token, named, anyBody).map(([given, names, body]) => ({
      headers: [['Authorization', `Bearer ${given}`], ...names] as Headers,
      body,
    }));
  const good = fc.constantFrom(...world.tokens);
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part) ?? '').toString('base64url');
  const decode = (part = '') =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  const member = fc.constantFrom(
    'alg',
    'kid',
    'typ',
    'crit',
    'jwk',
    'jku',
    'x5u',
    'iss',
    'aud',
    'exp',
    'sub',
    '__proto__',
  );
  const changed = fc
    .tuple(
      good,
      fc.nat({ max: 1 }),
      member,
      fc.oneof(value, fc.constantFrom('none', 'HS256', 'PS256', 'ES256')),
    )
    .map(([token, which, name, given]) => {
      const parts = token.split('.');
      parts[which] = encode({ ...decode(parts[which]), [name]: given, x: 1 });
      return parts.join('.');
    })
    .filter((token) => !world.tokens.includes(token) && token.length < 7_000);
  const cut = fc
    .tuple(good, fc.nat({ max: 600 }), fc.constantFrom('', 'A', '.', '=', '-', '!', ' ', '..'))
    .map(([token, at, put]) => token.slice(0, at) + put + token.slice(at + 1))
    .filter((token) => !world.tokens.includes(token.trim()));
  const swapped = fc.tuple(good, good, fc.nat({ max: 2 })).map(([one, other, which]) => {
    const parts = one.split('.');
    parts[which] = other.split('.')[which] ?? '';
    return parts.join('.');
  });
  const none = good.map((token) => `${encode({ alg: 'none', kid: 'a' })}.${token.split('.')[1]}.`);
  const twice = fc.tuple(withToken(good), good).map(([{ headers, body }, other]) => ({
    headers: [...headers, ['authorization', `Bearer ${other}`]] as Headers,
    body,
  }));
  return [
    { weight: 10, arbitrary: post('genuine', 'taken', 'pitchpoint', withToken(good)) },
    { weight: 6, arbitrary: post('member changed', 'refused', 'pitchpoint', withToken(changed)) },
    { weight: 4, arbitrary: post('a character changed', 'refused', 'pitchpoint', withToken(cut)) },
    { weight: 2, arbitrary: post('segments of two', 'unjudged', 'pitchpoint', withToken(swapped)) },
    { weight: 2, arbitrary: post('algorithm none', 'refused', 'pitchpoint', withToken(none)) },
    {
      weight: 3,
      arbitrary: post(
        'wrong claims, well signed',
        'refused',
        'pitchpoint',
        withToken(fc.constantFrom(...world.wrongTokens)),
      ),
    },
    { weight: 2, arbitrary: post('junk', 'refused', 'pitchpoint', withToken(headerValue)) },
    { weight: 1, arbitrary: post('two Authorization headers', 'refused', 'pitchpoint', twice) },
  ];
}
