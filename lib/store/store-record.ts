import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';

const recordSchema = z.object({
  /** `redis://:<password>@127.0.0.1:<port>` */
  url: z.string().startsWith('redis://:'),
  /** The Hookline process that will stop the store. */
  pid: z.number().int().positive(),
  /** The store's own process, where it has one. */
  storePid: z.number().int().positive().optional(),
  kind: z.enum(['redis', 'wasm']),
});

/** What `DATA_DIR/store.json` says about a store that is up or starting. */
export type StoreRecord = z.output<typeof recordSchema>;

const addressSchema = z.object({
  port: z.number().int().min(1).max(65_535),
  password: z.string().regex(/^\w+$/),
});
type Address = z.output<typeof addressSchema>;

export const recordPath = (dataDir: string): string => join(dataDir, 'store.json');

/** @returns `undefined` when there is none, or none that can be read */
export async function readRecord(dataDir: string): Promise<StoreRecord | undefined> {
  return readJson(recordPath(dataDir), recordSchema);
}

export async function writeRecord(dataDir: string, record: StoreRecord): Promise<void> {
  await writePrivate(recordPath(dataDir), record);
}

/** Removes the record unless another store has been started since. */
export async function removeRecord(dataDir: string, url: string): Promise<void> {
  const record = await readRecord(dataDir);
  if (record?.url === url && record.pid === process.pid) await rm(recordPath(dataDir), { force: true });
}

/**
 * The URL for a store that is about to start. A folder keeps its address from one start to the next, so that a
 * process that shares the store finds it again after its owner was restarted; a port in use is replaced.
 */
export async function chooseUrl(dataDir: string): Promise<string> {
  const path = join(dataDir, 'store-address.json');
  const kept = await readJson(path, addressSchema);
  const port = (kept && (await listenOnce(kept.port))) ?? (await listenOnce(0));
  if (port === undefined) throw new Error('No port of 127.0.0.1 can be listened on.');
  const password = kept?.password ?? randomBytes(24).toString('hex');
  await writePrivate(path, { port, password } satisfies Address);
  return `redis://:${password}@127.0.0.1:${port}`;
}

/** @returns the port when it could be listened on (0: any free one), else `undefined` */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : undefined));
    });
  });
}

async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written aside and renamed: a reader sees the old file or the new one, never half of it. */
async function writePrivate(path: string, value: object): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  await rename(aside, path);
}
