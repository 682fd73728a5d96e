import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../lib/log.js';
import { openEmbeddedStore, type EmbeddedStore } from '../lib/store/embedded-store.js';

export interface Stores extends Pick<EmbeddedStore, 'url' | 'kind' | 'close'> {
  /** One more, empty. */
  another: () => Promise<EmbeddedStore>;
}

/** Redis servers of our own, whose files go with them. */
export async function openStores(): Promise<Stores> {
  const folder = await mkdtemp(path.join(tmpdir(), 'hookline-bench-'));
  const another = async () =>
    openEmbeddedStore({ dataDir: await mkdtemp(path.join(folder, 'store-')), log: silentLog });
  const first = await another();
  return {
    url: first.url,
    kind: first.kind,
    another,
    async close() {
      await first.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
