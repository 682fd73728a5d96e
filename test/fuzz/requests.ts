/** Requests as they are drawn: genuine ones with hostile contents, genuine ones spoilt, and what was never one. */
import * as fc from 'fast-check';
import { bytes } from './requests/bytes.js';
import type { Drawn } from './requests/drawn.js';
import { elsewhere } from './requests/elsewhere.js';
import { pce } from './requests/pce.js';
import { petstore } from './requests/petstore.js';
import { pitchpoint } from './requests/pitchpoint.js';
import type { World } from './world.js';

/** Any request. */
export function requests(world: World): fc.Arbitrary<Drawn> {
  return fc.oneof(
    ...petstore(world),
    ...pitchpoint(world),
    ...pce(world),
    { weight: 6, arbitrary: elsewhere() },
    { weight: 3, arbitrary: bytes(world) },
  );
}
