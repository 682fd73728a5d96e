import type { Fault } from '../fault.js';
import { loadFaults } from './load.js';
import { networkFaults } from './network.js';
import { processFaults } from './processes.js';
import { redisFaults } from './redis.js';
import { severalFaults } from './several.js';
import { spoolFaults } from './spool.js';

/** All faults. */
export const FAULTS: readonly Fault[] = [
  ...processFaults,
  ...redisFaults,
  ...severalFaults,
  ...networkFaults,
  ...spoolFaults,
  ...loadFaults,
];
