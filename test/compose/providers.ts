import { randomBytes } from 'node:crypto';
import { startPceSender, type PceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { pceSamples } from '../../senders/samples/pce.js';
import { petstoreReferenceSamples, petstoreSamples } from '../../senders/samples/petstore.js';
import { pitchpointSamples } from '../../senders/samples/pitchpoint.js';
import type { SignedRequest, Tamper } from '../../senders/sender.js';
import { startRelay } from './relay.js';

export const SOURCES = ['petstore', 'pitchpoint', 'pce'] as const;
export type SourceName = (typeof SOURCES)[number];

/** All three providers on this machine, as the containers see them. */
export interface Providers {
  /** What makes the containers trust them. */
  environment: Record<string, string>;
  /** A new delivery of one source; `n` chooses among its samples. */
  request(source: SourceName, n: number, tamper?: Tamper): Promise<SignedRequest>;
  close(): Promise<void>;
}

/**
 * Starts the senders on loopback, and relays their key and certificate servers to the containers.
 * @param gateway address of this machine that the containers reach
 */
export async function startProviders(gateway: string): Promise<Providers> {
  const petstore = createPetstoreSender({ secret: `whsec_${randomBytes(24).toString('base64url')}` });
  const pitchpoint = await startPitchpointSender();
  const pce = await startPceSender({ basic: { user: 'pce', password: randomBytes(12).toString('hex') } });
  const keys = await startRelay(gateway, new URL(pitchpoint.issuer));
  const certificates = await startRelay(gateway, new URL(pce.origin));
  return {
    environment: {
      ...petstore.environment,
      ...pitchpoint.environment,
      PITCHPOINT_JWKS_URI: `${keys.origin}/.well-known/jwks.json`,
      ...pce.environment,
      PCE_TRUSTED_ORIGINS: certificates.origin,
    },
    async request(source, n, tamper) {
      const options = tamper ? { tamper } : {};
      if (source === 'pitchpoint') return pitchpoint.request(pick(pitchpointSamples, n), options);
      if (source === 'pce') {
        return relayed(await pce.request(pick(pceSamples, n), options), pce, certificates.origin);
      }
      return petstore.request(pick([...petstoreSamples, ...petstoreReferenceSamples], n), options);
    },
    async close() {
      await Promise.all([keys, certificates, petstore, pitchpoint, pce].map((part) => part.close()));
    },
  };
}

function pick<T>(samples: readonly T[], n: number): T {
  return samples[n % samples.length] as T;
}

/** The certificate's URL, which SNS does not sign, leads to the relay. */
function relayed(request: SignedRequest, { origin }: PceSender, relay: string): SignedRequest {
  const message = JSON.parse(request.body.toString()) as { SigningCertURL: string };
  const SigningCertURL = message.SigningCertURL.replace(origin, relay);
  return { ...request, body: Buffer.from(JSON.stringify({ ...message, SigningCertURL })) };
}
