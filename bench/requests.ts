import { randomUUID } from 'node:crypto';
import { createPetstoreSender } from '../senders/petstore.js';
import { startPitchpointSender, type PitchpointSender } from '../senders/pitchpoint.js';
import { petstoreSamples } from '../senders/samples/petstore.js';
import { pitchpointSamples } from '../senders/samples/pitchpoint.js';
import type { SignedRequest } from '../senders/sender.js';

/** A stream of requests and the environment of a receiver that takes them. */
export interface Traffic {
  environment: Record<string, string>;
  next: () => Buffer;
  close(): Promise<void>;
}

const PREPARED = 20_000;

function headOf({ path, headers, body }: SignedRequest): string {
  const lines = Object.entries({ Host: '127.0.0.1', ...headers, 'Content-Length': String(body.length) });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** JSON of about `bytes`. */
export function bodyOf(bytes: number): unknown {
  const base = pitchpointSamples[0]?.data;
  const missing = bytes - JSON.stringify({ ...base, padding: '' }).length;
  return missing > 0
    ? { ...base, padding: 'x'.repeat(missing) }
    : { orderId: 'x'.repeat(Math.max(bytes - 14, 1)) };
}

/** Pitchpoint deliveries with one token, each with an id of its own, as a provider sends them within an hour. */
export async function pitchpointTraffic(bytes: number): Promise<Traffic> {
  const sender = await startPitchpointSender();
  const [sample] = pitchpointSamples;
  if (!sample) throw new Error('there is no sample');
  const model = await sender.request(sample, { data: bodyOf(bytes), id: 'ID-GOES-HERE' });
  const [before = '', after = ''] = headOf(model).split('ID-GOES-HERE');
  return {
    environment: sender.environment,
    next: () => Buffer.concat([Buffer.from(before + randomUUID() + after, 'latin1'), model.body]),
    close: () => sender.close(),
  };
}

/** The same with a token of its own for each delivery: what a receiver pays when it can remember nothing. */
export async function freshTokenTraffic(bytes: number): Promise<Traffic> {
  const sender: PitchpointSender = await startPitchpointSender();
  const [sample] = pitchpointSamples;
  if (!sample) throw new Error('there is no sample');
  const made: Buffer[] = [];
  for (let count = 0; count < PREPARED / 4; count += 1) {
    const request = await sender.request(sample, { data: bodyOf(bytes), claims: { jti: randomUUID() } });
    made.push(Buffer.concat([Buffer.from(headOf(request), 'latin1'), request.body]));
  }
  return { environment: sender.environment, next: cycle(made), close: () => sender.close() };
}

/** Petstore deliveries, each signed for itself. Prepared beforehand, so that signing is not measured. */
export async function petstoreTraffic(bytes: number): Promise<Traffic> {
  const sender = createPetstoreSender({ secret: 'a-secret-for-measuring' });
  const [sample] = petstoreSamples;
  if (!sample) throw new Error('there is no sample');
  const made: Buffer[] = [];
  const count = Math.min(PREPARED, Math.floor(200_000_000 / bytes));
  for (let index = 0; index < count; index += 1) {
    const request = await sender.request(sample, { data: bodyOf(bytes) });
    made.push(Buffer.concat([Buffer.from(headOf(request), 'latin1'), request.body]));
  }
  return { environment: sender.environment, next: cycle(made), close: () => sender.close() };
}

/** Goes round. What comes a second time is a duplicate, which a run that is short enough never reaches. */
function cycle(made: Buffer[]): () => Buffer {
  let index = 0;
  return () => made[index++ % made.length] as Buffer;
}
