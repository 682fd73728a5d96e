import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { withDeadline } from '../lib/deadline.js';
import { HandlersError, handlerSchema } from '../lib/handler.js';
import { provideOwnPackage } from './own-package.js';
import type { RegisteredHandler } from './registry.js';

/** Milliseconds that a module's top level may take. One that awaits for ever would keep the start from ending. */
const LOAD_LIMIT = 30_000;
const MODULE = /(?<!\.d)\.(?:js|mjs|ts)$/;

/**
 * Reads every handler module below a folder, at any depth, in the order of their paths. Folders and files whose
 * names begin with `.` or `_` are left out, so that helpers can lie beside handlers; so are `node_modules`.
 * @param loadLimit milliseconds that each may take to load
 * @throws {HandlersError}
 */
export async function discoverHandlers(folder: string, loadLimit = LOAD_LIMIT): Promise<RegisteredHandler[]> {
  const root = path.resolve(folder);
  const files = await listModules(root);
  provideOwnPackage();
  const handlers: RegisteredHandler[] = [];
  for (const file of files) handlers.push({ file, handler: await loadHandler(file, loadLimit) });
  return handlers;
}

async function listModules(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new HandlersError(
      `HANDLERS_DIR: the folder ${folder} cannot be read (${error.code ?? error.message}).`,
    );
  });
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (/^[._]/.test(entry.name) || entry.name === 'node_modules') continue;
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await listModules(full)));
    else if (MODULE.test(entry.name)) found.push(full);
  }
  return found;
}

async function loadHandler(file: string, loadLimit: number) {
  let module: { default?: unknown };
  try {
    const loading = import(pathToFileURL(file).href) as Promise<{ default?: unknown }>;
    module = await withDeadline(loading, loadLimit);
  } catch (error) {
    throw new HandlersError(`The handler module ${file} cannot be loaded: ${String(error)}`, {
      cause: error,
    });
  }
  // A CommonJS module compiled from TypeScript has its default export one level down.
  const exported = unwrap(module.default);
  const result = handlerSchema.safeParse(exported);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path: at, message }) => `${at.join('.') || 'default export'}: ${message}`,
  );
  throw new HandlersError(`The handler module ${file} is not a handler: ${problems.join('; ')}`);
}

function unwrap(exported: unknown): unknown {
  const wrapped = typeof exported === 'object' && exported !== null && '__esModule' in exported;
  return wrapped ? (exported as { default?: unknown }).default : exported;
}
