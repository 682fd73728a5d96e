/** Which files of HANDLERS_DIR are handlers, and what is said of those that cannot be. */
import path from 'node:path';
import t from 'tap';
import { HandlersError } from '../../lib/handler.js';
import { loadSources } from '../../lib/load-sources.js';
import type { SourceDefinition } from '../../lib/source.js';
import { discoverHandlers } from '../../workers/discover.js';
import { HandlerRegistry } from '../../workers/registry.js';
import { Understanding } from '../../workers/understand.js';

const known = await loadSources();
const definitions = [...known, { ...(known[0] as SourceDefinition), name: 'acme' }];

const handler = (topic: string, more = '') =>
  `export default { source: 'acme', topic: '${topic}', handle() {}, ${more} };`;

void t.test('modules at any depth, in the order of their paths; nothing else', async (t) => {
  const folder = t.testdir({
    'b.mjs': handler('b'),
    'a.js': handler('a'),
    'c.ts': `const topic: string = 'c'; export default { source: 'acme', topic, handle() {} };`,
    sub: { 'dir.mjs': { 'in-a-folder.mjs': handler('d') }, deep: { er: { 'e.mjs': handler('e') } } },
    'c.d.ts': 'export {}; this is no module',
    'c.d.mts': 'this is no module',
    'b.mjs.map': '{}',
    '_helpers.mjs': 'throw new Error("a helper is not loaded by itself")',
    _folder: { 'x.mjs': 'this is no module' },
    '.hidden.mjs': 'this is no module',
    '..data': { 'x.mjs': 'this is no module' },
    node_modules: { 'x.mjs': 'this is no module' },
    'README.md': 'no module',
    'data.json': '{}',
    mjs: 'no module',
  });
  const found = await discoverHandlers(folder);
  t.same(
    found.map(({ file, handler }) => [path.relative(folder, file), handler.topic]),
    [
      ['a.js', 'a'],
      ['b.mjs', 'b'],
      ['c.ts', 'c'],
      ['sub/deep/er/e.mjs', 'e'],
      ['sub/dir.mjs/in-a-folder.mjs', 'd'],
    ],
  );
  t.same(await discoverHandlers(t.testdir({})), [], 'an empty folder is no mistake');
});

void t.test('files that are links, as Kubernetes mounts them', async (t) => {
  const folder = t.testdir({
    '..2025': { 'linked.mjs': handler('linked') },
    '..data': t.fixture('symlink', '..2025'),
    'linked.mjs': t.fixture('symlink', path.join('..data', 'linked.mjs')),
  });
  t.match(await discoverHandlers(folder), [{ handler: { topic: 'linked' } }]);
});

void t.test('CommonJS, and modules compiled to it', async (t) => {
  const folder = t.testdir({
    'package.json': '{"type":"commonjs"}',
    'plain.js': `module.exports = { source: 'acme', topic: 'plain', handle() {} };`,
    'compiled.js': `Object.defineProperty(exports, '__esModule', { value: true });
      exports.default = { source: 'acme', topic: 'compiled', handle() {} };`,
  });
  t.match(await discoverHandlers(folder), [
    { handler: { topic: 'compiled' } },
    { handler: { topic: 'plain' } },
  ]);
});

void t.test('what a handler leaves out', async (t) => {
  const [found] = await discoverHandlers(t.testdir({ 'a.mjs': handler('a') }));
  t.match(found?.handler, {
    attempts: Number,
    timeout: 30_000,
    backoff: { type: 'exponential', delay: Number, jitter: Number, maxDelay: Number },
    schema: undefined,
  });
  t.ok((found?.handler.attempts ?? 0) > 1, 'to throw is to be retried');
});

void t.test('a module that is no handler is named, with what is wrong', async (t) => {
  const cases: Record<string, [code: string, says: RegExp]> = {
    'syntax.mjs': ['export default {', /SyntaxError/],
    'throws.mjs': [`throw new Error('no database');`, /no database/],
    'throws-odd.mjs': ['throw undefined;', /undefined/],
    'lost.mjs': [`import 'no-such-package';`, /no-such-package/],
    'empty.mjs': ['', /default export/],
    'named.mjs': [`export const handler = { source: 'a', topic: 'b', handle() {} };`, /default export/],
    'function.mjs': ['export default async () => {};', /default export/],
    'array.mjs': ['export default [];', /default export/],
    'no-source.mjs': [`export default { topic: 'a', handle() {} };`, /source/],
    'no-topic.mjs': [`export default { source: 'a', handle() {} };`, /topic/],
    'empty-topic.mjs': [handler(''), /topic/],
    'no-handle.mjs': [`export default { source: 'a', topic: 'b' };`, /handle/],
    'handle-text.mjs': [`export default { source: 'a', topic: 'b', handle: 'x' };`, /handle/],
    'misspelt.mjs': [handler('a', 'subtopic: "x"'), /subtopic/],
    'attempts.mjs': [handler('a', 'attempts: 0'), /attempts/],
    'attempts-text.mjs': [handler('a', 'attempts: "3"'), /attempts/],
    'timeout.mjs': [handler('a', 'timeout: -1'), /timeout/],
    'backoff.mjs': [handler('a', 'backoff: { type: "linear" }'), /backoff\.type/],
    'jitter.mjs': [handler('a', 'backoff: { jitter: 2 }'), /backoff\.jitter/],
    'schema-text.mjs': [handler('a', 'schema: "object"'), /schema/],
  };
  for (const [name, [code, says]] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const folder = t.testdir({ 'good.mjs': handler('good'), sub: { [name]: code } });
      const error = await discoverHandlers(folder).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      t.type(error, HandlersError);
      const { message } = error as Error;
      t.match(message, path.join(folder, 'sub', name), 'names the file');
      t.match(message, says, 'and the fault');
      t.notMatch(message, 'good.mjs');
    });
  }
});

void t.test('a module whose top level never ends', async (t) => {
  const folder = t.testdir({ 'good.mjs': handler('good'), 'stuck.mjs': `await new Promise(() => {});` });
  await t.rejects(discoverHandlers(folder, 500), {
    name: 'HandlersError',
    message: /stuck\.mjs cannot be loaded: .*not done within 500 ms/,
  });
});

void t.test('a folder that cannot be read', async (t) => {
  const folder = t.testdir({ 'file.mjs': handler('a') });
  for (const [name, code] of [
    ['missing', 'ENOENT'],
    ['file.mjs', 'ENOTDIR'],
  ] as const) {
    const at = path.join(folder, name);
    await t.rejects(discoverHandlers(at), {
      name: 'HandlersError',
      message: new RegExp(`HANDLERS_DIR.*${at}.*${code}`),
    });
  }
});

void t.test('a schema that is none is named with its file', async (t) => {
  const understand = async (schema: string) => {
    const folder = t.testdir({ 'good.mjs': handler('good'), 'bad.mjs': handler('bad', `schema: ${schema}`) });
    // Each time another address, as modules are loaded once.
    const handlers = await discoverHandlers(folder);
    return new Understanding(new HandlerRegistry(handlers, definitions), definitions);
  };
  await t.rejects(understand(`{ type: 'objekt' }`), {
    name: 'HandlersError',
    message: /schema of .*bad\.mjs/,
  });
});

void t.test('schemas of several dialects, with formats', async (t) => {
  const folder = t.testdir({
    'draft7.mjs': handler(
      'a',
      `schema: { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' }`,
    ),
    '2020.mjs': handler(
      'b',
      `schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] }`,
    ),
    'format.mjs': handler('c', `schema: { type: 'string', format: 'email' }`),
    'unknown.mjs': handler('d', `schema: { type: 'object', 'x-internal': true }`),
    'same-id.mjs': handler('e', `schema: { $id: 'https://acme.example/schema', type: 'object' }`),
    'same-id-2.mjs': handler('f', `schema: { $id: 'https://acme.example/schema', type: 'object' }`),
    'anything.mjs': handler('g', 'schema: true'),
  });
  const handlers = await discoverHandlers(folder);
  const registry = new HandlerRegistry(handlers, definitions);
  t.ok(new Understanding(registry, definitions));
  t.equal(handlers.length, 7);
});
