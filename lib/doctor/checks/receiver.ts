import { fetchLimited } from '../../fetch.js';
import { adviceOn } from '../advice.js';
import type { DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';

const LIMITS = { timeoutMs: 5_000, maxBytes: 4 * 1024 * 1024 };

/** The receiver of this environment: it runs, is ready, and has refused nothing that it should not. */
export const receiverCheck: Check<DoctorContext> = {
  name: 'receiver',
  async run({ receiverUrl }) {
    try {
      const { status, text } = await fetchLimited(`${receiverUrl}/health/ready`, LIMITS);
      if (status !== 200) {
        return [
          error(
            'receiver',
            `${receiverUrl} is not ready (${status}): ${partsOf(text)}`,
            'Deliveries are answered 503.',
            'Mend the part that it names; its log says more.',
          ),
        ];
      }
    } catch (cause) {
      return [
        error(
          'receiver',
          (cause as Error).message,
          'Nothing is received.',
          'Start it, or say where it is: --receiver http://host:port.',
        ),
      ];
    }
    return [ok('receiver', `${receiverUrl} is ready`), ...(await refusals(receiverUrl))];
  },
};

function partsOf(text: string): string {
  try {
    return JSON.stringify((JSON.parse(text) as { parts?: unknown }).parts);
  } catch {
    return 'not as a Hookline answers';
  }
}

const COUNTER =
  /^hookline_refusals_total\{source="([\w-]+)",cause="([\w-]+)"(?:,process="[\w-]+")?\} (\d+)/gm;
/** Part of PCE's protocol, which asks without credentials first; and doctor's own. */
const EXPECTED = new Set(['credentials-missing', 'doctor']);

/** What the receiver has refused since its start, by cause, with what is likely behind it. */
async function refusals(receiverUrl: string): Promise<Finding[]> {
  const { status, text } = await fetchLimited(`${receiverUrl}/metrics`, LIMITS);
  if (status !== 200) return [];
  const counts = new Map<string, number>();
  for (const [, source = '', cause = '', count = ''] of text.matchAll(COUNTER)) {
    if (EXPECTED.has(cause)) continue;
    // Each of several processes on the port has its own.
    const key = `${source} ${cause}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(count));
  }
  const counted = [...counts].filter(([, count]) => count > 0);
  if (counted.length === 0) return [ok('refusals', 'none since the start')];
  return counted.map(([key, count]) => {
    const [source = '', cause = ''] = key.split(' ');
    const { why, todo } = adviceOn(source, cause);
    return warn('refusals', `${source}: ${count} × ${cause} since the start`, why, todo);
  });
}
