/** Keys that outlive a sender's process, so that a receiver set up for it once goes on trusting it. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * The state kept in a file, or a new one that is put there, readable by its owner only.
 * @param read takes the file's JSON apart; `undefined` when it is of no use (any more)
 * @throws when the file can neither be read nor written
 */
export async function keptState<State>(
  file: string | undefined,
  read: (json: Record<string, unknown>) => State | undefined,
  make: () => Promise<State>,
  toJson: (state: State) => object,
): Promise<State> {
  if (file === undefined) return make();
  const known = await readJson(file);
  const state = known && read(known);
  if (state !== undefined) return state;
  const made = await make();
  await writeState(file, toJson(made));
  return made;
}

/** Replaces the file as a whole. */
export async function writeState(file: string, state: object): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(state, null, 2)}\n`);
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

async function readJson(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
