import { readdir } from 'node:fs/promises';
import type { SourceDefinition } from './source.js';

const FOLDER = new URL('../sources/', import.meta.url);

/** Every provider: the default exports of the files in `sources/`, by name. Adding one is adding a file. */
export async function loadSources(): Promise<SourceDefinition[]> {
  const files = (await readdir(FOLDER)).filter((name) => /(?<!\.d)\.[jt]s$/.test(name)).sort();
  const modules = await Promise.all(
    files.map((name) => import(new URL(name, FOLDER).href) as Promise<{ default: SourceDefinition }>),
  );
  return modules.map((module) => module.default);
}
