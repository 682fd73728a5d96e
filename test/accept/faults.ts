/** A Redis that fails in every way there is, and what is sent to a Hookline meanwhile. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore, type EmbeddedStore } from '../../lib/store/embedded-store.js';
import { createPetstoreSender, type PetstoreRequestOptions } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { temporaryFolder } from '../support/store.js';

export const sender = createPetstoreSender({ secret: 'a-test-secret' });

interface Fault {
  cause: () => Promise<void>;
  mend: () => Promise<void>;
}

export interface FaultyStore {
  url: string;
  /** Ends it, and starts it again at the same place. */
  close: () => Promise<void>;
  open: () => Promise<void>;
  faults: Record<string, Fault>;
}

/** A store of the test's own; it ends with the test. */
export async function openFaultyStore(t: Test): Promise<FaultyStore> {
  const dataDir = await temporaryFolder(t);
  const kind = process.env['EMBEDDED_STORE'] === 'wasm' ? 'wasm' : 'auto';
  let store: EmbeddedStore;
  const open = async () => {
    store = await openEmbeddedStore({ dataDir, kind, log: silentLog });
  };
  const close = () => store.close();
  await open();
  const { url } = store!;
  t.teardown(close);

  /** Says one thing to the store, on a connection of its own. */
  async function tell(...[command, ...args]: [command: string, ...args: string[]]): Promise<void> {
    const redis = new Redis(url);
    try {
      await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  }

  return {
    url,
    close,
    open,
    faults: {
      unreachable: { cause: close, mend: open },
      'read-only': {
        cause: () => tell('REPLICAOF', '127.0.0.1', '1'),
        mend: () => tell('REPLICAOF', 'NO', 'ONE'),
      },
      'out of memory': {
        cause: () => tell('CONFIG', 'SET', 'maxmemory', '1'),
        mend: () => tell('CONFIG', 'SET', 'maxmemory', '0'),
      },
      hung: {
        cause: () => tell('CLIENT', 'PAUSE', '60000', 'WRITE'),
        mend: () => tell('CLIENT', 'UNPAUSE'),
      },
    },
  };
}

/** A handler that takes everything, and the ids that it was given so far. */
export async function recorder(t: Test) {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'handled.txt');
  const code = `import { appendFileSync } from 'node:fs';
    export default { source: 'petstore', topic: '*', handle({ id }) {
      appendFileSync(${JSON.stringify(file)}, id + '\\n');
    } };`;
  await writeFile(path.join(folder, 'any.mjs'), code);
  return { folder, handled: async () => (await readFile(file, 'utf8')).split('\n').filter(Boolean).sort() };
}

/** Sends a delivery once. */
export async function deliver(address: string, options: PetstoreRequestOptions) {
  const request = await sender.request({ topic: 'pet.adopted', data: {} }, options);
  const { status, headers, body, milliseconds } = await post(address, request, { timeoutMs: 20_000 });
  const parsed = JSON.parse(body) as { status?: string; code?: string };
  return { httpStatus: status, retryAfter: headers['retry-after'], milliseconds, ...parsed };
}
