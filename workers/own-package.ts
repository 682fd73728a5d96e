import { register } from 'node:module';

const ownEntry = new URL('../index.js', import.meta.url).href;
const tracingApi = '@opentelemetry/api';

/**
 * Resolves the bare name `hookline` to this package, OpenTelemetry's API to the one that is installed here where a
 * handler's folder has none, and leaves all else alone.
 */
const hook = `
export async function resolve(specifier, context, next) {
  if (specifier === 'hookline') return { url: ${JSON.stringify(ownEntry)}, shortCircuit: true };
  if (specifier !== '${tracingApi}') return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return next(specifier, { ...context, parentURL: ${JSON.stringify(import.meta.url)} });
  }
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
