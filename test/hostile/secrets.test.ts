/** Secrets from files, and rotated while deliveries come in. */
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { until } from '../support/deliveries.js';
import { spawnHookline, startHookline, type HooklineProcess } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';

const store = await openStore(t);
const definitions = await loadSources();
const BASE = { REDIS_URL: store.url, QUEUE_PREFIX: store.prefix, SHUTDOWN_TIMEOUT: '1s' };

async function secretFile(t: Test, text: string, name = 'secret'): Promise<string> {
  const file = path.join(await temporaryFolder(t), name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

void t.test('any setting may come from a file', async (t) => {
  const environment = {
    PETSTORE_WEBHOOK_SECRET_FILE: await secretFile(t, 'first-secret,second-secret\n'),
    PCE_TOPIC_ARNS: 'arn:aws:sns:us-east-1:123456789012:x',
    PCE_BASIC_USER_FILE: await secretFile(t, 'user\r\n'),
    PCE_BASIC_PASSWORD_FILE: await secretFile(t, ' pass word '),
    ADMIN_USER: 'admin',
    ADMIN_PASSWORD_FILE: await secretFile(t, 'admin-password\n'),
    PETSTORE_API_TOKEN_FILE: await secretFile(t, 'token\n'),
    REDIS_URL_FILE: await secretFile(t, 'redis://:p4ss@127.0.0.1:1/\n'),
  };
  const settings = parseSettings(environment, definitions);
  t.match(settings, {
    REDIS_URL: 'redis://:p4ss@127.0.0.1:1/',
    ADMIN_PASSWORD: 'admin-password',
    PETSTORE_API_TOKEN: 'token',
    sources: {
      petstore: { PETSTORE_WEBHOOK_SECRET: ['first-secret', 'second-secret'] },
      pce: { PCE_BASIC_USER: 'user', PCE_BASIC_PASSWORD: ' pass word ' },
    },
  });
  t.equal(settings.files.length, 6);
});

void t.test('files that cannot be used', async (t) => {
  const wrong = (environment: Record<string, string>) => {
    try {
      parseSettings(environment, definitions);
      return 'nothing is wrong';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const folder = await temporaryFolder(t);
  const empty = await secretFile(t, '\n');
  const large = await secretFile(t, 'hunter2-'.repeat(10_000));
  const short = await secretFile(t, 'hunter2');
  for (const file of [path.join(folder, 'none'), folder, empty, large]) {
    const message = wrong({ PETSTORE_WEBHOOK_SECRET_FILE: file });
    t.match(message, /PETSTORE_WEBHOOK_SECRET_FILE: expected a readable file/, file);
    t.ok(message.includes(file), 'and names it');
    t.notMatch(message, /hunter2/);
  }
  t.match(
    wrong({ PETSTORE_WEBHOOK_SECRET_FILE: short }),
    /PETSTORE_WEBHOOK_SECRET: expected one or more secrets/,
  );
  t.notMatch(wrong({ PETSTORE_WEBHOOK_SECRET_FILE: short }), /hunter2/);
  const both = { ADMIN_USER: 'x', ADMIN_PASSWORD: 'long-enough', ADMIN_PASSWORD_FILE: short };
  t.match(wrong(both), /ADMIN_PASSWORD_FILE: expected only one of ADMIN_PASSWORD and ADMIN_PASSWORD_FILE/);
  t.notMatch(
    wrong({ PETSTORE_WEBHOOK_SECRET_FILE: 'whsec_hunter2' }),
    /hunter2/,
    'a secret in the place of its path',
  );
});

/** Sends without a pause until it is told to stop; answers how often each status came. */
function keepSending(
  address: string,
  next: () => Promise<SignedRequest>,
): () => Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const { status } = await post(address, await next(), { timeoutMs: 10_000 });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  })();
  return async () => {
    stopping.abort();
    await running;
    return statuses;
  };
}

function rereadTimes({ lines }: HooklineProcess): number {
  return lines.filter(({ msg }) => msg === 'secrets were read again').length;
}

async function reread(
  hookline: HooklineProcess,
  change: () => Promise<void>,
  hangUp: boolean,
): Promise<void> {
  const before = rereadTimes(hookline);
  await change();
  if (hangUp) hookline.child.kill('SIGHUP');
  await until('the secrets to be read again', () => rereadTimes(hookline) > before);
}

for (const [name, hangUp] of [
  ['on SIGHUP', true],
  ['when the file changes', false],
] as const) {
  void t.test(
    `Petstore’s secret is rotated ${name}, and no delivery is refused`,
    { timeout: 60_000 },
    async (t) => {
      const [old, young] = ['the-old-secret', 'the-young-secret'];
      const file = await secretFile(t, `${old}\n`);
      const hookline = await startHookline(t, { ...BASE, PETSTORE_WEBHOOK_SECRET_FILE: file });
      let sender = createPetstoreSender({ secret: old });
      const stop = keepSending(hookline.address, () => sender.request({ topic: 'pet.adopted', data: {} }));
      await reread(hookline, () => writeFile(file, `${young},${old}\n`), hangUp);
      sender = createPetstoreSender({ secret: young });
      await reread(hookline, () => writeFile(file, `${young}\n`), hangUp);
      const statuses = await stop();
      t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
      const late = await createPetstoreSender({ secret: old }).request({ topic: 'x', data: {} });
      t.equal(
        (await post(hookline.address, late, { timeoutMs: 10_000 })).status,
        401,
        'the old one is worth nothing now',
      );
    },
  );
}

void t.test('a file that is swapped for another, as Kubernetes does', { timeout: 60_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')];
  await writeFile(first, 'the-first-secret');
  await writeFile(second, 'the-second-secret');
  const link = path.join(folder, 'secret');
  await symlink(first, link);
  const hookline = await startHookline(t, { ...BASE, PETSTORE_WEBHOOK_SECRET_FILE: link });
  await reread(
    hookline,
    async () => {
      await symlink(second, `${link}.new`);
      await rename(`${link}.new`, link);
    },
    false,
  );
  const request = await createPetstoreSender({ secret: 'the-second-secret' }).request({
    topic: 'x',
    data: {},
  });
  t.equal((await post(hookline.address, request, { timeoutMs: 10_000 })).status, 200);
});

void t.test('PCE’s password is rotated, and no delivery is refused', { timeout: 60_000 }, async (t) => {
  const pce = await startPceSender({ basic: { user: 'pce', password: 'old p:ss' } });
  t.teardown(() => pce.close());
  const file = await secretFile(t, 'old p:ss\n');
  const { PCE_BASIC_PASSWORD: _, ...environment } = pce.environment;
  const hookline = await startHookline(t, { ...BASE, ...environment, PCE_BASIC_PASSWORD_FILE: file });
  let password = 'old p:ss';
  const request = async () => {
    const signed = await pce.request({ topic: 'x', data: {} });
    const Authorization = `Basic ${Buffer.from(`pce:${password}`).toString('base64')}`;
    return { ...signed, headers: { ...signed.headers, Authorization } };
  };
  const stop = keepSending(hookline.address, request);
  await reread(hookline, () => writeFile(file, 'young p:ss\nold p:ss\n'), true);
  password = 'young p:ss';
  await reread(hookline, () => writeFile(file, 'young p:ss\n'), true);
  const statuses = await stop();
  t.same(Object.keys(statuses), ['200'], JSON.stringify(statuses));
  password = 'old p:ss';
  t.equal((await post(hookline.address, await request(), { timeoutMs: 10_000 })).status, 401);
});

void t.test('what cannot be used is not taken', { timeout: 60_000 }, async (t) => {
  const file = await secretFile(t, 'the-good-secret');
  const hookline = await startHookline(t, { ...BASE, PETSTORE_WEBHOOK_SECRET_FILE: file });
  const request = () => createPetstoreSender({ secret: 'the-good-secret' }).request({ topic: 'x', data: {} });
  const refused = () => hookline.lines.filter(({ msg }) => String(msg).includes('cannot be used')).length;
  for (const spoil of [() => writeFile(file, ''), () => writeFile(file, 'hunter2'), () => rm(file)]) {
    const before = refused();
    await spoil();
    hookline.child.kill('SIGHUP');
    await until('it to be noticed', () => refused() > before);
    t.equal(
      (await post(hookline.address, await request(), { timeoutMs: 10_000 })).status,
      200,
      'the old one stays',
    );
  }
  t.notMatch(JSON.stringify(hookline.lines), /hunter2|the-good-secret/);
});

void t.test('a worker lives through SIGHUP too', { timeout: 60_000 }, async (t) => {
  const hookline = await startHookline(t, { ...BASE, ROLE: 'worker' });
  hookline.child.kill('SIGHUP');
  await until('it to be read', () => rereadTimes(hookline) === 1);
  t.equal(hookline.child.exitCode, null);
});

void t.test('a process that cannot start gives no secret away', { timeout: 60_000 }, async (t) => {
  const secrets = {
    PETSTORE_WEBHOOK_SECRET: 'hunter2',
    ADMIN_PASSWORD: 'hunter2-hunter2',
    PETSTORE_API_TOKEN: 'hunter2-token',
    REDIS_URL: 'redis://user:hunter2@:x',
  };
  const hookline = spawnHookline(t, secrets);
  t.equal(await hookline.exited, 1);
  t.match(hookline.stderr(), /PETSTORE_WEBHOOK_SECRET.*\n.*/);
  t.notMatch(hookline.stderr() + JSON.stringify(hookline.lines), /hunter2/);
  const unreachable = spawnHookline(t, {
    REDIS_URL: 'redis://user:hunter2@127.0.0.1:1/0',
    PETSTORE_WEBHOOK_SECRET: 'hunter2-hunter2',
    HOST: '203.0.113.1',
    ROLE: 'receiver',
  });
  t.equal(await unreachable.exited, 1, 'an address that is not ours');
  t.notMatch(unreachable.stderr() + JSON.stringify(unreachable.lines), /hunter2/);
});
