/** The Redis of a test file: REDIS_URL where given, else an embedded store of its own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import type { Owner } from './owner.js';

export type { Owner };

export interface TestStore {
  url: string;
  /** A prefix of its own for each test file, so that files share one Redis without seeing each other. */
  prefix: string;
}

/** A folder that goes with the test. */
export async function temporaryFolder(t: Owner): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'hookline-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens the store; it ends with the test. `EMBEDDED_STORE` chooses the kind of an embedded one. */
export async function openStore(t: Owner): Promise<TestStore> {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  if (process.env['REDIS_URL']) return { url: process.env['REDIS_URL'], prefix };
  return { url: await openOwnStore(t), prefix };
}

/** A store that nobody else uses, even where REDIS_URL is given: for tests that break it. */
export async function openOwnStore(t: Owner): Promise<string> {
  const store = await openEmbeddedStore({
    dataDir: await temporaryFolder(t),
    log: silentLog,
    kind: (process.env['EMBEDDED_STORE'] as 'redis' | 'wasm' | undefined) ?? 'auto',
  });
  t.teardown(() => store.close());
  return store.url;
}
