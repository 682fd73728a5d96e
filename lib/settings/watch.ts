import { unwatchFile, watchFile, type Stats } from 'node:fs';

/** Milliseconds between looks: mounted secrets are links that are swapped, of which nobody is notified. */
const LOOK_EVERY = 2_000;

export interface Watch {
  close(): void;
}

/** Calls back when one of the files has changed, or has been put in the place of another. */
export function watchFiles(paths: readonly string[], changed: () => void): Watch {
  const onStat = (now: Stats, before: Stats) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) changed();
  };
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY, persistent: false }, onStat);
  return {
    close() {
      for (const path of paths) unwatchFile(path, onStat);
    },
  };
}
