import type { Fault } from '../fault.js';
import { loadFaults } from './load.js';
import { networkFaults } from './network.js';
import { processFaults } from './processes.js';
import { redisFaults } from './redis.js';
import { spoolFaults } from './spool.js';

/** All faults. Those of Sentinel and Cluster go into files of their own beside these. */
export const FAULTS: readonly Fault[] = [
  ...processFaults,
  ...redisFaults,
  ...networkFaults,
  ...spoolFaults,
  ...loadFaults,
];
