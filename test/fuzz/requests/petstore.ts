/** Deliveries of Petstore: signed, and signed badly. */
import * as fc from 'fast-check';
import { body as anyBody, headerValue, type Headers } from '../hostile.js';
import type { World } from '../world.js';
import { post } from './post.js';

export function petstore(world: World) {
  const signature = fc.constantFrom('X-Petstore-Signature', 'X-Webhook-Signature', 'x-petstore-signature');
  const genuine = fc.tuple(anyBody, signature, fc.option(headerValue)).map(([body, name, before]) => ({
    headers: [
      [name, (before === null ? '' : `${before.slice(0, 20).replaceAll(',', '')},`) + world.signBody(body)],
    ] as Headers,
    body,
  }));
  const spoilt = fc
    .tuple(anyBody, signature, fc.nat({ max: 63 }), fc.constantFrom(...'0123456789abcdef'.split('')))
    .map(([body, name, at, digit]) => {
      const right = world.signBody(body);
      const other = digit === right[7 + at] ? (digit === '0' ? '1' : '0') : digit;
      // The first digits are right, as one finds them who measures how long a comparison takes.
      return { headers: [[name, right.slice(0, 7 + at) + other + right.slice(8 + at)]] as Headers, body };
    });
  const longer = fc.tuple(anyBody, fc.uint8Array({ minLength: 1, maxLength: 3 })).map(([body, more]) => ({
    headers: [['X-Petstore-Signature', world.signBody(body)]] as Headers,
    body: Buffer.concat([body, more]),
  }));
  const junk = fc.tuple(anyBody, headerValue, fc.nat({ max: 70 })).map(([body, given, cut]) => ({
    headers: [
      ['X-Petstore-Signature', cut < 64 && given.length < 10 ? world.signBody(body).slice(0, cut) : given],
    ] as Headers,
    body,
  }));
  return [
    { weight: 14, arbitrary: post('genuine', 'taken', 'petstore', genuine) },
    { weight: 8, arbitrary: post('one digit wrong', 'refused', 'petstore', spoilt) },
    { weight: 6, arbitrary: post('body longer', 'refused', 'petstore', longer) },
    { weight: 8, arbitrary: post('junk', 'refused', 'petstore', junk) },
  ];
}
