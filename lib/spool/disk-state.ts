import path from 'node:path';
import type { Log } from '../log.js';
import type { SpoolFiles } from './files.js';

/** Milliseconds after a failed write until the disk is tried again. */
const PAUSE = 1_000;
const PROBE = Buffer.alloc(4_096);

/** Does the disk take what is written? Once it did not, it is tried each second, with nobody waiting for it. */
export class DiskState {
  readonly #file: string;
  readonly #files: SpoolFiles;
  readonly #log: Log;
  #failure: string | undefined;
  #probing: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(folder: string, { files, log }: { files: SpoolFiles; log: Log }) {
    this.#file = path.join(folder, 'probe');
    this.#files = files;
    this.#log = log;
  }

  /** The file system's code, such as `ENOSPC`; `undefined` while all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    const { code = 'error', message } = error as NodeJS.ErrnoException;
    if (!this.#failure) this.#log.error({ reason: message }, 'the spool cannot be written');
    this.#failure = code;
    clearTimeout(this.#probing);
    this.#probing = setTimeout(() => void this.#probe(), PAUSE);
    this.#probing.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#probing);
  }

  async #probe(): Promise<void> {
    try {
      await this.#files.remove(this.#file);
      const opened = await this.#files.create(this.#file);
      try {
        await opened.append(PROBE);
        await opened.sync();
      } finally {
        await opened.close();
        await this.#files.remove(this.#file);
      }
      this.#failure = undefined;
      this.#log.info({}, 'the spool can be written again');
    } catch (error) {
      this.fail(error);
    }
  }
}
