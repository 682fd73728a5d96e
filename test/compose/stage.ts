import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SOURCES } from './providers.js';

/** A handler for each source that takes a moment, so that work is in hand whenever a container ends. */
const HANDLER = (source: string): string => `import { setTimeout } from 'node:timers/promises';
export default {
  source: '${source}',
  topic: '*',
  handle: (event, { signal }) => setTimeout(500, undefined, { signal }),
};
`;

/** Files that a deployer would have beside docker-compose.yml. */
export interface Stage {
  envFile: string;
  overrideFile: string;
  /** Writes the environment file anew. */
  configure(settings: Record<string, string>): Promise<void>;
}

/**
 * Makes a folder of handlers, an override file that mounts it, and the environment file.
 * @param folder an empty folder
 */
export async function buildStage(folder: string): Promise<Stage> {
  const [envFile, overrideFile] = [path.join(folder, 'env'), path.join(folder, 'override.yml')];
  const handlers = path.join(folder, 'handlers');
  await mkdir(handlers);
  for (const source of SOURCES) await writeFile(path.join(handlers, `${source}.mjs`), HANDLER(source));
  const mount = `services:\n  worker:\n    volumes: ['${handlers}:/handlers:ro']\n`;
  await writeFile(overrideFile, mount);
  return {
    envFile,
    overrideFile,
    async configure(settings) {
      const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`);
      await writeFile(envFile, lines.join(''), { mode: 0o600 });
    },
  };
}
