import { FetchError, fetchLimited } from '../../fetch.js';
import { DEFAULT_LIMITS } from '../../jwt/key-set.js';
import { KeyServer } from '../../jwt/key-server.js';
import { isEnabled, setting, type DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';

const TIMEOUT = 5_000;
/** Milliseconds. A token's times are taken with a tolerance of 60 s. */
const CLOCK = { warn: 5_000, error: 60_000 };

/** Pitchpoint's key server: reached, with keys that can be used, and of our time. */
export const keyServerCheck: Check<DoctorContext> = {
  name: 'pitchpoint-keys',
  async run(context) {
    if (!isEnabled(context, 'pitchpoint')) return [];
    const server = new KeyServer({
      ...DEFAULT_LIMITS,
      timeoutMs: TIMEOUT,
      issuer: setting(context, 'pitchpoint', 'PITCHPOINT_ISSUER') as string,
      jwksUri: setting(context, 'pitchpoint', 'PITCHPOINT_JWKS_URI') as string | undefined,
      now: Date.now,
      signal: AbortSignal.timeout(2 * TIMEOUT),
    });
    try {
      const { keys, clockAhead } = await server.fetchKeys();
      return [
        ok('pitchpoint-keys', `${keys.size} usable: ${[...keys.keys()].join(', ')}`),
        ...clock(clockAhead),
      ];
    } catch (cause) {
      return [
        error(
          'pitchpoint-keys',
          (cause as Error).message,
          'Without its keys no token can be verified: deliveries are answered 503 once those in memory run out.',
          cause instanceof FetchError
            ? 'Check PITCHPOINT_ISSUER and PITCHPOINT_JWKS_URI, the name server, and whether this machine may reach them.'
            : 'Write PITCHPOINT_ISSUER exactly as the tokens have it, and set PITCHPOINT_JWKS_URI where discovery does not find the keys.',
        ),
      ];
    }
  },
};

function clock(ahead: number | undefined): Finding[] {
  if (ahead === undefined) return [];
  const told = `${(Math.abs(ahead) / 1_000).toFixed(0)} s ${ahead > 0 ? 'behind' : 'ahead of'} the key server’s`;
  if (Math.abs(ahead) < CLOCK.warn) return [ok('clock', 'within seconds of the key server’s')];
  const make = Math.abs(ahead) < CLOCK.error ? warn : error;
  return [
    make(
      'clock',
      told,
      'Tokens seem expired, or not valid yet, and are refused with 403.',
      'Set this clock by NTP.',
    ),
  ];
}

/** Where PCE's certificates come from: the trusted origins, or else AWS's host of each topic's region. */
export const certificateOriginCheck: Check<DoctorContext> = {
  name: 'pce-certificates',
  async run(context) {
    if (!isEnabled(context, 'pce')) return [];
    const trusted = (setting(context, 'pce', 'PCE_TRUSTED_ORIGINS') ?? []) as string[];
    const topics = (setting(context, 'pce', 'PCE_TOPIC_ARNS') ?? []) as string[];
    const origins = trusted.length > 0 ? trusted : [...new Set(topics.map(awsOrigin))];
    return Promise.all(origins.map(lookAt));
  },
};

/** `arn:aws:sns:us-east-1:…` → `https://sns.us-east-1.amazonaws.com` */
function awsOrigin(arn: string): string {
  const [, partition = '', , region = ''] = arn.split(':');
  return `https://sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

async function lookAt(origin: string): Promise<Finding> {
  try {
    await fetchLimited(`${origin}/`, { timeoutMs: TIMEOUT, maxBytes: 1024 * 1024 });
  } catch (cause) {
    // These are answers: it is there.
    if (!(cause instanceof FetchError) || !['redirect', 'too-large'].includes(cause.reason)) {
      return error(
        'pce-certificates',
        (cause as Error).message,
        'Without the signing certificate no message can be verified (503), and no subscription confirmed.',
        'Let receiver and workers reach this origin, and check the region in PCE_TOPIC_ARNS, or PCE_TRUSTED_ORIGINS.',
      );
    }
  }
  return ok('pce-certificates', `${origin} is reached`);
}
