/**
 * 10,000 forged tokens in 10 s, each with a key id of its own, and what they cost the key server and the authentic
 * deliveries that come meanwhile. Three rounds of control and flood, one after the other.
 *
 *   npm run build && npx tsx test/hostile/measure/random-kids.ts
 */
import { randomBytes, randomUUID } from 'node:crypto';
import os from 'node:os';
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
  const { address } = await startWatched(script, {
    ...pitchpoint.environment,
    REDIS_URL: await openOwnStore(script),
    ROLE: 'receiver',
  });
  const now = Math.floor(Date.now() / 1_000);
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const model = await pitchpoint.request(SAMPLE);
  const claims = { iss: pitchpoint.issuer, aud: pitchpoint.audience, sub: 'x', iat: now, exp: now + 3_600 };
  const forged = async () => {
    const header = encode({ alg: 'RS256', typ: 'JWT', kid: randomUUID() });
    const token = `${header}.${encode(claims)}.${randomBytes(256).toString('base64url')}`;
    return { ...model, headers: { ...model.headers, Authorization: `Bearer ${token}` } };
  };
  // Every other one with a token never seen before, as nothing may be remembered of it.
  let turn = 0;
  const authentic = () =>
    pitchpoint.request(SAMPLE, (turn += 1) % 2 ? {} : { claims: { jti: randomUUID() } });
  const steady = {
    address,
    from: '127.0.0.2',
    rate: AUTHENTIC.rate,
    until: AUTHENTIC.count,
    next: authentic,
  };

  await send({ ...steady, until: 200 });
  const controls: Outcome[] = [];
  const subjects: Outcome[] = [];
  const floods: Outcome[] = [];
  const asked: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    controls.push(await send(steady));
    const before = pitchpoint.requests.jwks;
    // Addresses with few refusals, as they would have that want to do harm: past REFUSAL_LIMIT nothing is asked at all.
    const attackers = Array.from({ length: 100 }, (_, index) => `127.0.${50 + round}.${index + 1}`);
    const flood = attackers.map((from) =>
      send({
        address,
        from,
        rate: FLOOD.rate / attackers.length,
        until: FLOOD.count / attackers.length,
        next: forged,
      }),
    );
    const [subject, ...sent] = await Promise.all([send(steady), ...flood]);
    subjects.push(subject);
    floods.push(together(sent));
    asked.push(pitchpoint.requests.jwks - before);
  }
  const [control, subject] = [together(controls), together(subjects)];
  show('control: authentic alone', control);
  show('authentic during the flood', subject);
  showRatio('authentic during the flood', subject, control);
  show('forged, a kid of its own each', together(floods));
  console.log(`requests that reached the key server, by round of 10,000 forged tokens: ${asked.join(', ')}`);
  console.log(
    `load of the machine: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  );
  return subject.statuses['200'] === subject.sent && asked.every((count) => count <= 8);
});
