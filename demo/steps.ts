import { randomUUID } from 'node:crypto';
import type { PceSender } from '../senders/pce.js';
import type { PetstoreSender } from '../senders/petstore.js';
import type { PitchpointSender } from '../senders/pitchpoint.js';
import { pceSamples, pceSubscriptionConfirmation } from '../senders/samples/pce.js';
import { petstoreReferenceSamples, petstoreSamples } from '../senders/samples/petstore.js';
import { pitchpointSamples } from '../senders/samples/pitchpoint.js';
import type { SignedRequest } from '../senders/sender.js';

/** One delivery of the demo, and what must become of it. */
export interface Step {
  source: string;
  what: string;
  request: SignedRequest;
  /** The HTTP status, and `status` in the body of a 200. */
  answer: `200 ${'accepted' | 'duplicate'}` | '401' | '403';
  /** `completed` and `failed` are told by the receiver; `not stored` means that it knows nothing of the id. */
  state: 'completed' | 'failed' | 'not stored';
  /** The id under which to ask, where it is not the request's. */
  askFor?: string;
}

export interface Senders {
  pitchpoint: PitchpointSender;
  pce: PceSender;
  petstore: PetstoreSender;
}

/** Every sample event of every provider as that provider would send it, with a duplicate and a forgery of each. */
export async function makeSteps({ pitchpoint, pce, petstore }: Senders): Promise<Step[]> {
  return [
    ...(await pitchpointSteps(pitchpoint)),
    ...(await pceSteps(pce)),
    ...(await petstoreSteps(petstore)),
  ];
}

async function pitchpointSteps(sender: PitchpointSender): Promise<Step[]> {
  const [placed] = pitchpointSamples;
  if (!placed) throw new Error('there is no sample event of pitchpoint');
  const steps: Step[] = [];
  for (const sample of pitchpointSamples) steps.push(accepted(sample.topic, await sender.request(sample)));
  const unknown = await sender.request({ ...placed, topic: 'orders/archived' });
  return [
    ...steps,
    duplicateOf(steps[0]),
    forged('token of another issuer', '403', await sender.request(placed, { tamper: 'token' })),
    { ...accepted('orders/archived, which no handler takes', unknown), state: 'failed' },
  ];
}

async function pceSteps(sender: PceSender): Promise<Step[]> {
  const same = { id: randomUUID(), triggeredAt: new Date().toISOString() };
  const first = await sender.request(pceSubscriptionConfirmation, { ...same, authenticated: false });
  const second = await sender.request(pceSubscriptionConfirmation, same);
  const steps: Step[] = [];
  for (const sample of pceSamples) {
    const leg = { id: randomUUID(), triggeredAt: new Date().toISOString() };
    const without = await sender.request(sample, { ...leg, authenticated: false });
    steps.push(forged(`${sample.topic}, first leg without credentials`, '401', without));
    steps.push(accepted(`${sample.topic}, second leg`, await sender.request(sample, leg)));
  }
  const [sample] = pceSamples;
  if (!sample) throw new Error('there is no sample event of pce');
  return [
    {
      source: 'pce',
      what: 'subscription, first leg without credentials',
      request: first,
      answer: '401',
      state: 'completed',
      askFor: `${first.id}.handshake`,
    },
    accepted('subscription, second leg', second),
    ...steps,
    duplicateOf(steps[1]),
    forged('signed by another certificate', '403', await sender.request(sample, { tamper: 'token' })),
  ];
}

async function petstoreSteps(sender: PetstoreSender): Promise<Step[]> {
  const steps: Step[] = [];
  for (const sample of petstoreSamples) steps.push(accepted(sample.topic, await sender.request(sample)));
  for (const sample of petstoreReferenceSamples) {
    steps.push(accepted(`${sample.topic}, in the reference's spelling`, await sender.request(sample)));
  }
  const [sample] = petstoreSamples;
  if (!sample) throw new Error('there is no sample event of petstore');
  return [
    ...steps,
    duplicateOf(steps[0]),
    forged('body changed on the way', '401', await sender.request(sample, { tamper: 'body' })),
  ];
}

function sourceOf({ path }: SignedRequest): string {
  return path.slice('/webhooks/'.length);
}

function accepted(what: string, request: SignedRequest): Step {
  return { source: sourceOf(request), what, request, answer: '200 accepted', state: 'completed' };
}

function duplicateOf(step: Step | undefined): Step {
  if (!step) throw new Error('there is nothing to send twice');
  return { ...step, what: `${step.what}, once more`, answer: '200 duplicate' };
}

function forged(what: string, answer: '401' | '403', request: SignedRequest): Step {
  return { source: sourceOf(request), what, request, answer, state: 'not stored' };
}
