/** The sender of a provider, set up from the settings as a receiver of this environment would trust it. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { startPceSender, type PceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender, type PitchpointSender } from '../../senders/pitchpoint.js';
import {
  pceSamples,
  pceSubscriptionConfirmation,
  pceUnsubscribeConfirmation,
} from '../../senders/samples/pce.js';
import { petstoreSamples } from '../../senders/samples/petstore.js';
import { pitchpointSamples } from '../../senders/samples/pitchpoint.js';
import type { Sample, Sender } from '../../senders/sender.js';
import { keptState } from '../../senders/state.js';
import type { Settings } from '../../lib/settings/settings.js';
import { CommandError, type Context } from '../command.js';

export interface SenderOptions {
  keyServerPort?: string;
}

export interface OpenSender {
  sender: Sender;
  /** Sample events of the provider: what a simulation sends. */
  samples: readonly Sample[];
  /** Those of the protocol itself, which are only sent when they are asked for. */
  protocolSamples: readonly Sample[];
  pce?: PceSender;
  pitchpoint?: PitchpointSender;
}

/** Issuer and certificate URL are told to the receiver, so that they must stay the same from one run to the next. */
const KEY_SERVER_PORTS = { pitchpoint: 4010, pce: 4011 };

/** @throws {CommandError} for an unknown source, a port that is taken, or a state file that cannot be written */
export async function openSender(
  { settings }: Context,
  source: string,
  options: SenderOptions,
): Promise<OpenSender> {
  const openers: Record<string, () => Promise<OpenSender>> = {
    petstore: () => openPetstore(settings),
    pce: () => openPce(settings, readPort(options, KEY_SERVER_PORTS.pce)),
    pitchpoint: () => openPitchpoint(settings, readPort(options, KEY_SERVER_PORTS.pitchpoint)),
  };
  const open = Object.hasOwn(openers, source) ? openers[source] : undefined;
  if (!open)
    throw new CommandError(`There is no sender for ${source}. Known: ${Object.keys(openers).join(', ')}.`);
  try {
    return await open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new CommandError(
        'The port of the local key server is taken, by another hookline send or simulate, most likely. Wait for it, or choose one with --key-server-port (the receiver must be told: --print-env).',
      );
    }
    if (code === undefined) throw error;
    throw new CommandError(
      `The sender's keys cannot be kept in ${stateFile(settings, source)} (${code}). Set DATA_DIR to a folder that can be written.`,
    );
  }
}

/** Without a secret in the settings one is made and kept, to be given to the receiver by `--print-env`. */
async function openPetstore(settings: Settings): Promise<OpenSender> {
  const [configured] = (settings.sources['petstore']?.['PETSTORE_WEBHOOK_SECRET'] ?? []) as string[];
  const secret = configured ?? (await keptSecret(stateFile(settings, 'petstore')));
  return { sender: createPetstoreSender({ secret }), samples: petstoreSamples, protocolSamples: [] };
}

function keptSecret(file: string): Promise<string> {
  return keptState(
    file,
    ({ secret }) => (typeof secret === 'string' ? secret : undefined),
    async () => randomBytes(32).toString('hex'),
    (secret) => ({ secret }),
  );
}

async function openPce(settings: Settings, port: number): Promise<OpenSender> {
  const own = settings.sources['pce'] ?? {};
  const [topicArn] = (own['PCE_TOPIC_ARNS'] ?? []) as string[];
  const { PCE_BASIC_USER: user, PCE_BASIC_PASSWORD: password } = own as Record<string, string | undefined>;
  const pce = await startPceSender({
    port,
    stateFile: stateFile(settings, 'pce'),
    ...(topicArn !== undefined && { topicArn }),
    ...(user !== undefined && password !== undefined && { basic: { user, password } }),
  });
  const protocolSamples = [pceSubscriptionConfirmation, pceUnsubscribeConfirmation];
  return { sender: pce, pce, samples: pceSamples, protocolSamples };
}

async function openPitchpoint(settings: Settings, port: number): Promise<OpenSender> {
  const audience = settings.sources['pitchpoint']?.['PITCHPOINT_AUDIENCE'] as string | undefined;
  const pitchpoint = await startPitchpointSender({
    port,
    stateFile: stateFile(settings, 'pitchpoint'),
    // A minute, the shortest that a receiver honours: a new key is found at once all the same.
    maxAge: 60,
    ...(audience !== undefined && { audience }),
  });
  return { sender: pitchpoint, pitchpoint, samples: pitchpointSamples, protocolSamples: [] };
}

function stateFile({ DATA_DIR }: Settings, source: string): string {
  return path.join(DATA_DIR, 'senders', `${source}.json`);
}

function readPort({ keyServerPort }: SenderOptions, otherwise: number): number {
  if (keyServerPort === undefined) return otherwise;
  const port = Number(keyServerPort);
  if (/^\d{1,5}$/.test(keyServerPort) && port >= 1 && port <= 65_535) return port;
  throw new CommandError(`--key-server-port wants a port from 1 to 65535; given: ${keyServerPort}`);
}

/** The receiver's variables, as a shell and an env file take them. */
export function environmentLines(environment: Record<string, string>): string {
  return Object.entries(environment)
    .map(([name, value]) =>
      /^[\w@%+=:,./-]*$/.test(value) ? `${name}=${value}` : `${name}='${value.replaceAll("'", "'\\''")}'`,
    )
    .join('\n');
}
