/** A running Hookline with something to see: deliveries of all three sources, some of which go wrong. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { pceSamples, pceSubscriptionConfirmation } from '../../senders/samples/pce.js';
import { petstoreSamples } from '../../senders/samples/petstore.js';
import { pitchpointSamples } from '../../senders/samples/pitchpoint.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import type { Owner } from '../support/owner.js';
import { until, untilState } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';

export interface World {
  address: string;
  /** Of the same store, where nothing can be changed. */
  readOnlyAddress: string;
  /** The webhook id of a petstore delivery whose handler fails until `mend`. */
  broken: string;
  /** That of a pitchpoint delivery which waits for its next attempt. */
  slow: string;
  /** What looks like HTML in it is text. */
  hostile: string;
  mend(): Promise<void>;
  /** Sends one whose id is `..`, and whose handler fails with a long text; resolves when it has failed. */
  sendStrange(): Promise<void>;
}

const ROUNDS = 12;

/**
 * Starts it and sends everything; it ends with its owner.
 * @param folder of the handlers, whose path the page shows; it must not be there yet. Default: a temporary one
 */
export async function openWorld(t: Owner, folder?: string): Promise<World> {
  const senders = {
    pitchpoint: await startPitchpointSender(),
    pce: await startPceSender(),
    petstore: createPetstoreSender({ secret: randomBytes(24).toString('hex') }),
  };
  t.teardown(async () => void (await Promise.all(Object.values(senders).map((sender) => sender.close()))));
  const store = await openStore(t);
  const handlers = await handlersThatFail(t, folder ?? path.join(await temporaryFolder(t), 'handlers'));
  const environment = {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    HANDLERS_DIR: handlers.folder,
    REDACT: 'email',
    ...senders.pitchpoint.environment,
    ...senders.pce.environment,
    ...senders.petstore.environment,
  };
  const { address } = await startHookline(t, environment);
  const readOnly = await startHookline(t, { ...environment, ROLE: 'receiver', ADMIN_READONLY: 'true' });

  const send = (request: SignedRequest) => post(address, request, { timeoutMs: 30_000 });
  const take = async (request: SignedRequest): Promise<SignedRequest> => {
    const { status, body } = await send(request);
    if (status !== 200) throw new Error(`${status} ${body}`);
    return request;
  };
  const { pitchpoint, pce, petstore } = senders;
  await take(await pce.request(pceSubscriptionConfirmation));
  const hostile = await take(await petstore.request({ topic: HTML, data: { [HTML]: HTML } }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const sample of pitchpointSamples) await take(await pitchpoint.request(sample));
    for (const sample of pceSamples) await take(await pce.request(sample));
    for (const sample of petstoreSamples) await take(await take(await petstore.request(sample)));
  }
  for (const tamper of ['signature', 'token'] as const) {
    await send(await pitchpoint.request(pitchpointSamples[0]!, { tamper }));
    await send(await pce.request(pceSamples[0]!, { tamper }));
    await send(await petstore.request(petstoreSamples[0]!, { tamper }));
  }
  const broken = await take(
    await petstore.request({
      topic: 'order.lost',
      data: { order: ORDER, card: { card_number: '4111', email: 'ada@home.example' } },
    }),
  );
  const slow = await take(await pitchpoint.request({ topic: 'orders/slow', data: {} }));
  await untilState(address, 'petstore', broken.id, 'failed');
  await untilState(address, 'petstore', hostile.id);
  return {
    address,
    readOnlyAddress: readOnly.address,
    broken: broken.id,
    slow: slow.id,
    hostile: hostile.id,
    mend: handlers.mend,
    async sendStrange() {
      const { id } = await take(await petstore.request({ topic: 'order.strange', data: {} }, { id: '..' }));
      await until('it to fail', async () => {
        const found = await fetch(`${address}/admin/api/deliveries?state=failed&id=${id}`);
        return ((await found.json()) as { deliveries: unknown[] }).deliveries.length > 0;
      });
    },
  };
}

/** Runs when it is ever taken for HTML. */
export const HTML = '<img src=x onerror="document.title=1">';

const ORDER = {
  id: 'ord_2041',
  total: 129.5,
  paid: true,
  coupon: null,
  lines: [
    { sku: 'leash-red', quantity: 1 },
    { sku: 'bowl-large', quantity: 2 },
  ],
  note: 'Ring twice, the dog is louder than the bell 🐶',
};

/** Handlers of every topic: most succeed, one fails twice and is given up until it is mended. */
async function handlersThatFail(t: Owner, folder: string) {
  const made = await mkdir(folder, { recursive: true });
  if (made === undefined) throw new Error(`${folder} is there already.`);
  t.teardown(() => rm(made, { recursive: true }));
  const mended = path.join(folder, 'mended');
  const write = (name: string, text: string) => writeFile(path.join(folder, `${name}.mjs`), text);
  for (const source of ['pce', 'petstore', 'pitchpoint'])
    await write(source, `export default { source: '${source}', topic: '*', async handle() {} };`);
  await write(
    'orders',
    `import { existsSync } from 'node:fs';
export default {
  source: 'petstore', topic: 'order.lost', attempts: 2, backoff: { type: 'fixed', delay: 300 },
  async handle(event, { step }) {
    await step('look up the customer', async () => ({ customer: 'cus_7' }));
    if (!existsSync(${JSON.stringify(mended)})) throw new Error('the warehouse answered 500: no such shelf');
  },
};`,
  );
  await write(
    'strange',
    `export default {
  source: 'petstore', topic: 'order.strange', attempts: 1,
  async handle() { throw new Error('no end '.repeat(1_000)); },
};`,
  );
  await write(
    'slow',
    `export default {
  source: 'pitchpoint', topic: 'orders/slow', attempts: 9, backoff: { type: 'fixed', delay: 600_000 },
  async handle() { throw new Error('the other side is closed until the morning'); },
};`,
  );
  return { folder, mend: () => writeFile(mended, '') };
}
