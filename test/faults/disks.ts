/** Disks for the spool that real ones cannot be asked to be. */
import { existsSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { realFiles, type SpoolFile, type SpoolFiles } from '../../lib/spool/files.js';

/** Full as long as a file exists: a write takes what there is room for, and fails. */
export function fullDisk(flag: string): SpoolFiles {
  const check = () => {
    if (existsSync(flag))
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  return {
    ...realFiles,
    async create(file) {
      const opened = await realFiles.create(file);
      return {
        ...opened,
        async append(bytes) {
          if (existsSync(flag)) await opened.append(bytes.subarray(0, bytes.length >> 1));
          check();
          await opened.append(bytes);
        },
      } satisfies SpoolFile;
    },
  };
}

interface Kept {
  /** What would outlive a power cut, once the name does. */
  synced: Buffer;
  pending: Buffer;
  /** Is the name on the disk? */
  named: boolean;
}

/**
 * A disk at its worst: what was not synced is in this process' memory only, and so is a new file's name until its folder
 * is synced. To kill the process is to cut its power. `sync: false` takes the spool's syncs out.
 */
export function powerCutDisk({ sync }: { sync: boolean }): SpoolFiles {
  const open = new Map<string, Kept>();
  return {
    ...realFiles,
    async create(file) {
      const kept: Kept = { synced: Buffer.alloc(0), pending: Buffer.alloc(0), named: false };
      open.set(file, kept);
      return {
        async append(bytes) {
          kept.pending = Buffer.concat([kept.pending, bytes]);
        },
        async sync() {
          if (!sync) return;
          if (kept.named) await appendFile(file, kept.pending);
          kept.synced = Buffer.concat([kept.synced, kept.pending]);
          kept.pending = Buffer.alloc(0);
        },
        async truncate(length) {
          kept.pending = kept.pending.subarray(0, Math.max(0, length - kept.synced.length));
        },
        async close() {},
      };
    },
    async syncFolder(folder) {
      if (!sync) return;
      for (const [file, kept] of open) {
        if (kept.named || path.dirname(file) !== folder) continue;
        await writeFile(file, kept.synced, { mode: 0o600 });
        kept.named = true;
      }
    },
    async read(file) {
      const kept = open.get(file);
      return kept ? Buffer.concat([kept.synced, kept.pending]) : realFiles.read(file);
    },
    async remove(file) {
      open.delete(file);
      await realFiles.remove(file);
    },
  };
}
