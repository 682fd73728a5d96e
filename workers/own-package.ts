import { register } from 'node:module';

const ownEntry = new URL('../index.js', import.meta.url).href;

/** Resolves the bare name `hookline` to this package, and leaves all else alone. */
const hook = `
export function resolve(specifier, context, next) {
  return specifier === 'hookline' ? { url: ${JSON.stringify(ownEntry)}, shortCircuit: true } : next(specifier, context);
}`;

let provided = false;

/**
 * Lets a handler in a mounted folder, which has no `node_modules` above it, say
 * `import { PermanentError } from 'hookline'` and get this very package.
 */
export function provideOwnPackage(): void {
  if (provided) return;
  provided = true;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
