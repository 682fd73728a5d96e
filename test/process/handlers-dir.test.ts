/** HANDLERS_DIR: a mounted folder of handlers, used as it is; what is wrong in it is named at start. */
import path from 'node:path';
import t, { type Test } from 'tap';
import { untilState } from '../support/deliveries.js';
import { spawnHookline, startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { handlersFolder, readRuns, recorder } from './handlers.js';
import { freePort } from './relay.js';
import { STACK, delivery, endAndListening, environmentOf, exitWithin, send } from './support.js';

t.setTimeout(300_000);

const handler = (members: string) =>
  `export default { source: 'petstore', topic: 'pet.adopted', handle() {}, ${members} };`;

async function start(t: Test, files: Record<string, string>) {
  const store = await openStore(t);
  const handlers = await handlersFolder(t, files);
  const hookline = await startHookline(t, environmentOf(store, handlers));
  const become = async (topic: string, data?: unknown) => {
    const request = await delivery(topic, data);
    t.equal((await send(hookline.address, request)).status, 200);
    const state = await untilState(hookline.address, 'petstore', request.id);
    return { id: request.id, ...state };
  };
  return { handlers, hookline, become };
}

void t.test('handlers of any depth take their topics without a rebuild', async (t) => {
  const { handlers, hookline, become } = await start(t, {
    'pet.groomed.mjs': recorder({ topic: 'pet.groomed' }),
    'deep/er/still/pet.fed.mjs': `
      import { name } from '../../_names.mjs';
      export default { source: 'petstore', topic: 'pet.fed', handle: (event, { log }) => log.info({ name }, 'fed') };`,
    'deep/_names.mjs': `export const name = 'Buddy';`,
    'common.js': `module.exports = {
      source: 'petstore', topic: 'pet.walked', handle: (event, { log }) => log.info({}, 'walked'),
    };`,
    'node_modules/thing/index.mjs': 'this is no module',
    'README.md': 'no handler either',
  });
  const groomed = await become('pet.groomed');
  t.match(groomed, { state: 'completed', attemptsMade: 1 });
  t.same(await readRuns(handlers), [`${groomed.id} pet.groomed 1`]);
  t.match(await become('pet.fed'), { state: 'completed' });
  t.match(await become('pet.walked'), { state: 'completed' });
  t.match(await become('pet.sold'), { state: 'failed', failedReason: /No handler takes topic pet.sold/ });
  t.match(
    await become('pet.adopted'),
    { state: 'failed', failedReason: /No handler takes topic pet.adopted/ },
    'the built-in handlers are not used beside these',
  );
  hookline.child.kill('SIGTERM');
  t.equal(await exitWithin(hookline.exited), 0);
  t.match(
    hookline.lines.filter(({ msg }) => msg === 'fed'),
    [{ name: 'Buddy' }],
    'a module beside it can be imported',
  );
  t.equal(hookline.lines.filter(({ msg }) => msg === 'walked').length, 1, 'CommonJS will do');
});

void t.test("import from 'hookline'", async (t) => {
  const { become } = await start(t, {
    'nested/refuse.mjs': `
      import { PermanentError, defineHandler } from 'hookline';
      export default defineHandler({
        source: 'petstore',
        topic: 'pet.refused',
        handle() { throw new PermanentError('the pet is a robot'); },
      });`,
    'retry.mjs': `
      export default {
        source: 'petstore',
        topic: 'pet.retried',
        attempts: 3,
        backoff: { type: 'fixed', delay: 10 },
        handle() { throw new Error('not today'); },
      };`,
  });
  t.match(await become('pet.refused'), {
    state: 'failed',
    attemptsMade: 1,
    failedReason: 'the pet is a robot',
  });
  t.match(await become('pet.retried'), { state: 'failed', attemptsMade: 3, failedReason: 'not today' });
});

void t.test('the schema of a mounted handler', async (t) => {
  const { become } = await start(t, {
    'weigh.mjs': `
      export default {
        source: 'petstore',
        topic: 'pet.weighed',
        schema: {
          type: 'object',
          properties: { data: { type: 'object', properties: { kilograms: { type: 'number' } }, required: ['kilograms'] } },
        },
        handle() {},
      };`,
  });
  t.match(await become('pet.weighed', { kilograms: 4.2 }), { state: 'completed' });
  t.match(await become('pet.weighed', { kilograms: 'many' }), {
    state: 'failed',
    attemptsMade: 1,
    failedReason: /does not fit the schema of .*weigh\.mjs: .*kilograms/,
  });
});

interface Wrong {
  files: Record<string, string>;
  /** What the message must say; names of files are checked as whole paths. */
  names: string[];
  says: RegExp;
}

const WRONG: Record<string, Wrong> = {
  'two equally specific handlers': {
    files: { 'a/first.mjs': handler(''), 'b/second.mjs': handler('attempts: 3'), 'c.mjs': recorder() },
    names: ['a/first.mjs', 'b/second.mjs'],
    says: /equally specific for petstore topic pet\.adopted/,
  },
  'a folder that is not there': {
    files: {},
    names: ['missing'],
    says: /HANDLERS_DIR: the folder .* cannot be read \(ENOENT\)/,
  },
  'a syntax error': {
    files: { 'good.mjs': recorder(), 'sub/bad.mjs': 'export default {' },
    names: ['sub/bad.mjs'],
    says: /cannot be loaded: SyntaxError/,
  },
  'a module that throws': {
    files: { 'throws.mjs': `throw new Error('no database');` },
    names: ['throws.mjs'],
    says: /cannot be loaded: Error: no database/,
  },
  'an import that is not there': {
    files: { 'lost.mjs': `import 'no-such-package';` },
    names: ['lost.mjs'],
    says: /cannot be loaded: .*no-such-package/,
  },
  'no default export': {
    files: { 'named.mjs': `export const handler = { source: 'petstore', topic: '*', handle() {} };` },
    names: ['named.mjs'],
    says: /is not a handler: default export/,
  },
  'no handle': {
    files: { 'idle.mjs': `export default { source: 'petstore', topic: '*' };` },
    names: ['idle.mjs'],
    says: /is not a handler: handle: handle must be a function/,
  },
  'a member that is mistyped': {
    files: { 'typo.mjs': handler('atempts: 3') },
    names: ['typo.mjs'],
    says: /is not a handler: .*atempts/,
  },
  'a schema that is none': {
    files: { 'schema.mjs': handler(`schema: { type: 'objekt' }`) },
    names: ['schema.mjs'],
    says: /schema.* is not a JSON Schema/,
  },
};

for (const [what, { files, names, says }] of Object.entries(WRONG)) {
  void t.test(`${what}: the start-up stops`, async (t) => {
    const store = await openStore(t);
    const folder = await handlersFolder(t, files);
    const handlers = Object.keys(files).length > 0 ? folder : path.join(folder, 'missing');
    for (const ROLE of ['all', 'worker']) {
      const port = await freePort();
      const hookline = spawnHookline(t, {
        ...environmentOf(store, handlers),
        ROLE,
        [ROLE === 'worker' ? 'WORKER_PORT' : 'PORT']: String(port),
      });
      const { exit, listened } = await endAndListening(hookline, port);
      t.equal(exit, 1, `exit code, ROLE=${ROLE}`);
      t.equal(listened, false, 'nothing listened');
      t.match(hookline.stderr(), /^hookline cannot start: /);
      t.match(hookline.stderr(), says);
      for (const name of names) t.match(hookline.stderr(), path.join(folder, name), 'the file is named');
      t.notMatch(hookline.stderr(), STACK);
    }
  });
}
