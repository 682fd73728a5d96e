/**
 * The key server hangs, and then is down for an hour: authentic deliveries, each with a token never seen before, go
 * on, and none is held longer than the deadline of a fetch. The receiver's clock is moved; its requests are real.
 *
 *   npm run build && npx tsx test/hostile/measure/keys-down.ts
 */
import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPitchpointSender } from '../../../senders/pitchpoint.js';
import { Script } from '../../support/owner.js';
import { openOwnStore, temporaryFolder } from '../../support/store.js';
import { startWatched } from '../../support/watched.js';
import { send, show, showRatio, together, type Outcome } from './traffic.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DEADLINE = 3_000;
/** For the machine to get round to it: what comes on top of the deadline. */
const SLACK = 1_500;

await Script.run(async (script) => {
  const pitchpoint = await startPitchpointSender();
  script.teardown(() => pitchpoint.close());
  const { jwks_uri: uri } = (await (
    await fetch(`${pitchpoint.issuer}/.well-known/openid-configuration`)
  ).json()) as { jwks_uri: string };
  const keys = await (await fetch(uri)).text();
  const front = await startFront(keys);
  script.teardown(() => front.down());

  const clock = path.join(await temporaryFolder(script), 'clock');
  let moved = 0;
  const moveTo = async (milliseconds: number) => {
    moved = milliseconds;
    await writeFile(`${clock}.new`, String(milliseconds));
    await rename(`${clock}.new`, clock);
    await sleep(100);
  };
  await moveTo(0);
  const environment = {
    ...pitchpoint.environment,
    PITCHPOINT_JWKS_URI: front.uri,
    REDIS_URL: await openOwnStore(script),
    ROLE: 'receiver',
    MOVED_CLOCK: clock,
    NODE_OPTIONS: `--import=${path.resolve('test/hostile/measure/clock.mjs')}`,
  };
  const receiver = await startWatched(script, environment);
  const next = () => {
    const iat = Math.floor((Date.now() + moved) / 1_000);
    return pitchpoint.request(
      { topic: 'orders/placed', data: {} },
      { claims: { iat, exp: iat + 3_600, jti: randomUUID() } },
    );
  };
  const some = (count: number, address = receiver.address) =>
    send({ address, from: '127.0.0.2', rate: 50, until: count, next });

  await some(100);
  const control = await some(500);
  show('control: the key server answers', control);

  front.hang();
  const hung: Outcome[] = [];
  for (let minutes = 0; minutes < 15; minutes += 5) {
    await moveTo(moved + 5 * MINUTE);
    hung.push(await some(100));
  }
  show('hung for 15 minutes', together(hung));

  await front.down();
  const down: Outcome[] = [];
  for (let minutes = 0; minutes < 60; minutes += 5) {
    await moveTo(moved + 5 * MINUTE);
    down.push(await some(50));
  }
  show('down for an hour', together(down));
  showRatio('down for an hour', together(down), control);

  await moveTo(moved + 25 * HOUR);
  const over = await some(20);
  show('down for 25 hours more: past the documented bound', over);
  await front.up();
  await moveTo(moved + MINUTE);
  const back = await some(20);
  show('up again', back);

  front.hang();
  const fresh = await startWatched(script, environment);
  const keyless = await some(20, fresh.address);
  show('a receiver that started while it hung', keyless);
  console.log(
    `load of the machine: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  );

  const longest = Math.max(...[...hung, ...down, over, keyless].flatMap(({ latencies }) => latencies));
  console.log(`held longest: ${longest.toFixed(0)} ms; deadline ${DEADLINE} ms`);
  const all = (outcome: Outcome, status: string) => outcome.statuses[status] === outcome.sent;
  return (
    [...hung, ...down, back].every((outcome) => all(outcome, '200')) &&
    [over, keyless].every((outcome) => all(outcome, '503')) &&
    longest < DEADLINE + SLACK
  );
});

interface Front {
  uri: string;
  /** Takes requests and never answers. */
  hang(): void;
  down(): Promise<void>;
  up(): Promise<void>;
}

/** A key server that can be made to hang, or to be gone. */
async function startFront(keys: string): Promise<Front> {
  let hangs = false;
  let server: Server;
  const listen = async (port: number) => {
    hangs = false;
    server = createServer((_request, response) => {
      if (hangs) return;
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=60' })
        .end(keys);
    });
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    uri: `http://127.0.0.1:${port}/jwks.json`,
    hang: () => void (hangs = true),
    async down() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
    up: async () => void (await listen(port)),
  };
}
