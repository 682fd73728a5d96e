/**
 * 10,000 forged tokens in 10 s, each with a key id of its own, and what they cost the key server and the authentic
 * deliveries that come meanwhile. Three rounds, one after the other, of nothing else, of the flood, and of as many
 * forged tokens that name a known key: so the cost of looking for keys is told from that of so many requests.
 *
 *   npm run build && npx tsx test/hostile/measure/random-kids.ts
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { promisify } from 'node:util';
import { startPitchpointSender } from '../../../senders/pitchpoint.js';
import { Script } from '../../support/owner.js';
import { openOwnStore } from '../../support/store.js';
import { startWatched } from '../../support/watched.js';
import { send, show, showRatio, together, type Outcome } from './traffic.js';

const FLOOD = { rate: 1_000, count: 10_000 };
const AUTHENTIC = { rate: 100, count: 1_000 };
const ROUNDS = 3;
const SAMPLE = { topic: 'orders/placed', data: { orderId: '1' } };
await Script.run(async (script) => {
  const pitchpoint = await startPitchpointSender();
  script.teardown(() => pitchpoint.close());
  const receiver = await startWatched(script, {
    ...pitchpoint.environment,
    REDIS_URL: await openOwnStore(script),
    ROLE: 'receiver',
  });
  const { address, levels } = receiver;
  // Every other one with a token never seen before, as nothing may be remembered of it.
  let turn = 0;
  const next = () => pitchpoint.request(SAMPLE, (turn += 1) % 2 ? {} : { claims: { jti: randomUUID() } });
  const authentic = () =>
    send({ address, from: '127.0.0.2', rate: AUTHENTIC.rate, until: AUTHENTIC.count, next });
  const model = await pitchpoint.request(SAMPLE);
  const [head = ''] = (model.headers['Authorization'] ?? '').replace('Bearer ', '').split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string };
  const flood = async (subnet: number, kind: string): Promise<Outcome> => {
    const file = new URL('./flood.ts', import.meta.url).pathname;
    const told = [address, pitchpoint.issuer, pitchpoint.audience, subnet, FLOOD.rate, FLOOD.count, kind].map(
      String,
    );
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file, ...told], {
      maxBuffer: 64 * 1024 ** 2,
    });
    return JSON.parse(stdout) as Outcome;
  };

  await authentic();
  const rounds = { control: [] as Outcome[], kids: [] as Outcome[], known: [] as Outcome[] };
  const floods = { kids: [] as Outcome[], known: [] as Outcome[] };
  const asked: number[] = [];
  const spent = { control: 0, kids: 0, known: 0 };
  const spending = async (on: keyof typeof spent, work: () => Promise<void>) => {
    const before = await receiver.processorTime();
    await work();
    spent[on] += (await receiver.processorTime()) - before;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    await spending('control', async () => void rounds.control.push(await authentic()));
    const before = pitchpoint.requests.jwks;
    await spending('kids', async () => {
      const [during, sent] = await Promise.all([authentic(), flood(50 + round, '')]);
      rounds.kids.push(during);
      floods.kids.push(sent);
    });
    asked.push(pitchpoint.requests.jwks - before);
    await spending('known', async () => {
      const [beside, sent] = await Promise.all([authentic(), flood(60 + round, kid)]);
      rounds.known.push(beside);
      floods.known.push(sent);
    });
  }
  const [control, kids, known] = [rounds.control, rounds.kids, rounds.known].map(together) as [
    Outcome,
    Outcome,
    Outcome,
  ];
  show('control: authentic alone', control);
  show('authentic beside random kids', kids);
  show('authentic beside forgeries of a known kid', known);
  showRatio('beside random kids', kids, control);
  showRatio('beside forgeries of a known kid', known, control);
  show('forged, random kids', together(floods.kids));
  show('forged, a known kid', together(floods.known));
  console.log(`requests that reached the key server, by round of 10,000 random kids: ${asked.join(', ')}`);
  const each = (seconds: number, count: number) => `${Math.round((1e6 * seconds) / count)} µs`;
  const [kidsCost, knownCost] = [spent.kids - spent.control, spent.known - spent.control];
  console.log(
    `processor time of the receiver: an authentic delivery ${each(spent.control, control.sent)}, a forged token of a random kid ${each(kidsCost, ROUNDS * FLOOD.count)}, of a known kid ${each(knownCost, ROUNDS * FLOOD.count)}`,
  );
  console.log(`lines of the log by level: ${JSON.stringify(levels)}`);
  console.log(
    `load of the machine: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  );
  return kids.statuses['200'] === kids.sent && asked.every((count) => count <= 8);
});
