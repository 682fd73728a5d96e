/**
 * Who holds a slot: whoever listens on a Unix socket inside it. The kernel knows at once when a process is gone, which
 * neither a process id can tell (in containers all are 1) nor a clock (a frozen process misses its turn); and a frozen
 * holder's socket still takes connections.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readdir, rm, stat } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpoolError } from './spool-error.js';

/** Bytes of a socket's path: 107 on Linux, 103 on macOS. */
const MAX_PATH = 103;
const SOCKET = /^lock-[0-9a-f]{8}$/;
/** How often two that meet at one slot try again before both leave it. */
const TRIES = 8;

export interface SlotLock {
  release(): Promise<void>;
}

/**
 * Takes a slot, or answers `undefined` when a live process holds it.
 *
 * Each listens on a socket of a name of its own first and looks for others second, so that of two that come at once
 * at least one sees the other; then both leave and come again. Sockets of the dead are removed by a holder only.
 * @throws {SpoolError} when the path is too long for a socket, or none can be made there
 */
export async function takeSlot(folder: string): Promise<SlotLock | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if ((await others(folder)).alive) return undefined;
    const name = `lock-${randomBytes(4).toString('hex')}`;
    const lock = await listen(folder, name);
    const { alive, dead } = await others(folder, name);
    // One that took us for dead, before we listened, may have removed our name.
    if (!alive && (await exists(path.join(folder, name)))) {
      await Promise.all(dead.map((socket) => rm(path.join(folder, socket), { force: true })));
      return lock;
    }
    await lock.release();
    await sleep(5 + Math.random() * 10 * 2 ** tries);
  }
  return undefined;
}

async function others(folder: string, own?: string): Promise<{ alive: boolean; dead: string[] }> {
  const sockets = (await readdir(folder)).filter((name) => SOCKET.test(name) && name !== own);
  const states = await Promise.all(sockets.map((name) => isAlive(path.join(folder, name))));
  return { alive: states.includes(true), dead: sockets.filter((_, index) => !states[index]) };
}

/** Is there a process behind a socket? Only a refusal says no: one that is too busy to answer lives. */
async function isAlive(socket: string): Promise<boolean> {
  return withSocketPath(socket, async (at) => {
    const connection = net.connect(at);
    try {
      await once(connection, 'connect');
      return true;
    } catch (error) {
      return !['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '');
    } finally {
      connection.destroy();
    }
  });
}

async function listen(folder: string, name: string): Promise<SlotLock> {
  const socket = path.join(folder, name);
  const server = net.createServer((connection) => connection.destroy());
  await withSocketPath(socket, async (at) => {
    // Exclusive: one of several processes on a port would have its parent listen, which outlives it.
    server.listen({ path: at, exclusive: true });
    await once(server, 'listening').catch((error: unknown) => {
      throw new SpoolError(`${folder} cannot be locked`, error);
    });
  });
  server.on('error', () => {});
  server.unref();
  return {
    async release() {
      await new Promise((resolve) => server.close(resolve));
      await rm(socket, { force: true });
    },
  };
}

/**
 * Hands on a path that is short enough for a socket: the whole one, as the folder we are in sees it, or, on Linux, by
 * way of the folder's file descriptor.
 * @throws {SpoolError} when none of them is short enough
 */
async function withSocketPath<T>(socket: string, use: (path: string) => Promise<T>): Promise<T> {
  const [best = socket] = [path.resolve(socket), path.relative('', socket)].toSorted(
    (a, b) => Buffer.byteLength(a) - Buffer.byteLength(b),
  );
  const length = Buffer.byteLength(best);
  if (length <= MAX_PATH) return use(best);
  if (process.platform !== 'linux') {
    throw new SpoolError(
      `the path of DATA_DIR is ${length - MAX_PATH} bytes too long for a socket inside it: ${path.dirname(best)}`,
    );
  }
  const folder = await open(path.dirname(socket), 'r');
  try {
    return await use(`/proc/self/fd/${folder.fd}/${path.basename(socket)}`);
  } finally {
    await folder.close();
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
