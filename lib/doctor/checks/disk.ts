import { statfs } from 'node:fs/promises';
import path from 'node:path';
import type { DoctorContext } from '../context.js';
import { error, ok, warn, type Check } from '../finding.js';

/** Room where DATA_DIR is, or will be: the embedded store's file grows there. */
export const diskCheck: Check<DoctorContext> = {
  name: 'disk',
  async run({ settings, minFree }) {
    const { folder, free } = await freeSpace(path.resolve(settings.DATA_DIR));
    const told = `${gigabytes(free)} free at ${folder}`;
    if (free >= minFree) return [ok('disk', told)];
    const make = free < minFree / 4 ? error : warn;
    return [
      make(
        'disk',
        `${told}, less than ${gigabytes(minFree)}`,
        'A full disk stops the embedded store, and whatever else keeps its data there.',
        'Make room, or set DATA_DIR to another disk; --min-free sets how much is enough.',
      ),
    ];
  },
};

async function freeSpace(folder: string): Promise<{ folder: string; free: number }> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return { folder, free: bavail * bsize };
  } catch (cause) {
    const parent = path.dirname(folder);
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw cause;
    return freeSpace(parent);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
