import { open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';

/** A segment while it is written. */
export interface SpoolFile {
  /** Appends all of the bytes, or throws; then how many were written is not known. */
  append(bytes: Buffer): Promise<void>;
  /** Resolves when all that was appended is on the disk. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** What the spool asks of a file system: all of it here, so that tests can fail it and cut its power. */
export interface SpoolFiles {
  /** A new file that only its owner can read. @throws when it exists */
  create(path: string): Promise<SpoolFile>;
  /** Resolves when the names of a folder's files are on the disk. */
  syncFolder(path: string): Promise<void>;
  read(path: string): Promise<Buffer>;
  truncate(path: string, length: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Writes a small file in place of another: all of it or nothing. It need not outlive a power cut. */
  replace(path: string, text: string): Promise<void>;
}

export const realFiles: SpoolFiles = {
  async create(path) {
    const file = await open(path, 'ax', 0o600);
    return {
      async append(bytes) {
        // write() may take less than it is given, on a disk that is nearly full above all.
        for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
      },
      sync: () => file.datasync(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  },
  async syncFolder(path) {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  read: (path) => readFile(path),
  truncate,
  rename,
  remove: (path) => rm(path, { force: true }),
  async replace(path, text) {
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  },
};
