import type { DoctorContext } from '../context.js';
import type { Check } from '../finding.js';
import { pceCredentialsCheck, petstoreSecretCheck } from './deliveries.js';
import { diskCheck } from './disk.js';
import { handlersCheck, pceSubscriptionCheck, petstoreEndpointCheck } from './endpoints.js';
import { certificateOriginCheck, keyServerCheck } from './keys.js';
import { publicUrlCheck } from './public-url.js';
import { receiverCheck } from './receiver.js';
import { redisCheck } from './redis.js';
import { settingsCheck } from './settings.js';

/**
 * In order: what the others stand on comes first. The receiver's refusals are read before doctor's own deliveries
 * add to them; the handlers come after the endpoint, which says what they have to take.
 */
export const allChecks: ReadonlyArray<Check<DoctorContext>> = [
  settingsCheck,
  redisCheck,
  receiverCheck,
  keyServerCheck,
  certificateOriginCheck,
  publicUrlCheck,
  petstoreEndpointCheck,
  pceSubscriptionCheck,
  handlersCheck,
  petstoreSecretCheck,
  pceCredentialsCheck,
  diskCheck,
];
