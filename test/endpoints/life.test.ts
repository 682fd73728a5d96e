/** The whole life of a Petstore endpoint through the command line. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { planSecret } from '../../cli/endpoints/secret.js';
import { untilState } from '../support/deliveries.js';
import { runHookline, runJson } from '../support/run-hookline.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { startPetstoreServer, TOKEN } from './petstore-server.js';

interface Shown {
  id: string;
  url: string;
  events: string[];
  status: string;
  secret?: string;
}

void t.test('created, tested, changed, disabled, noticed, enabled, deleted', async (t) => {
  const petstore = await startPetstoreServer(t);
  const folder = await temporaryFolder(t);
  const envFile = path.join(folder, '.env');
  await writeFile(
    envFile,
    '# mine\nPETSTORE_WEBHOOK_SECRET=the-secret-of-another-endpoint # keep\nPORT=3000\n',
  );
  const env = { PETSTORE_API_URL: petstore.url, PETSTORE_API_TOKEN: TOKEN, LOG_LEVEL: 'info' };
  const hookline = (...args: string[]) => runHookline(t, ['endpoints', ...args], { env, cwd: folder });
  const json = <Output = Shown>(...args: string[]) =>
    runJson<Output>(t, ['endpoints', ...args], { env, cwd: folder });

  const everything: string[] = [];
  const keep = <R extends { stdout: string; stderr: string }>(result: R): R => {
    everything.push(result.stdout, result.stderr);
    return result;
  };

  const empty = await json<Shown[]>('list');
  t.same([empty.exit, empty.json], [0, []]);

  const created = keep(
    await json(
      'create',
      '--url',
      'https://hooks.example.com',
      '--events',
      'pet.adopted,order.created',
      '--save-secret',
      '.env',
    ),
  );
  t.equal(created.exit, 0, created.stderr);
  t.match(created.json, {
    url: 'https://hooks.example.com/webhooks/petstore',
    events: ['pet.adopted', 'order.created'],
    status: 'active',
  });
  const { id } = created.json;
  const [registered] = petstore.endpoints;
  const secret = registered?.secret ?? '';
  t.match(secret, /^whsec_[\w-]{43}$/, '32 random bytes');
  t.equal(
    await readFile(envFile, 'utf8'),
    `# mine\nPETSTORE_WEBHOOK_SECRET=the-secret-of-another-endpoint,${secret} # keep\nPORT=3000\n`,
    'beside the secret that was there',
  );
  t.match(created.stderr, /beside 1 that was there/);

  const [one, all] = await Promise.all([json('show', id), hookline('list')]);
  t.match(one.json, { id, status: 'active' });
  t.match(keep(all).stdout, new RegExp(`${id} +active +https://hooks.example.com`));

  const moved = keep(await json('update', id, '--events', 'pet.adopted,payment.failed'));
  t.same(moved.json.events, ['pet.adopted', 'payment.failed']);
  t.equal(petstore.endpoints[0]?.secret, secret, 'nothing else is changed');

  await t.test('a test delivery, to a receiver with the secret from the file', async (t) => {
    const store = await openStore(t);
    const service = await startTestService(t, store, {
      PETSTORE_WEBHOOK_SECRET: secret,
      SHUTDOWN_TIMEOUT: '1s',
    });
    keep(await hookline('update', id, '--url', `${service.address}/webhooks/petstore`));
    const tested = keep(await json<object>('test', id, '--event', 'pet.adopted'));
    t.same([tested.exit, tested.json], [0, { id, event: 'pet.adopted', delivered: true, status: 200 }]);
    const line = service.lines.find(({ outcome }) => outcome === 'accepted');
    await untilState(service.address, 'petstore', String(line?.['id']));

    const other = keep(await hookline('update', id, '--new-secret', '--print-secret'));
    t.match(other.stdout, /^secret +whsec_[\w-]{43}$/m, 'printed once, where that is asked for');
    const refused = keep(await hookline('test', id));
    t.equal(refused.exit, 2);
    t.match(refused.stdout, /NOT delivered. Our receiver answered 401. The secret is not the endpoint's/);
  });

  await t.test('disabled by the provider', async (t) => {
    const well = keep(await hookline('watch'));
    t.equal(well.exit, 0);
    t.match(well.stdout, /"msg":"all Petstore endpoints are active"/);
    const [endpoint] = petstore.endpoints;
    if (endpoint) endpoint.status = 'disabled';

    const [noticed, inJson, gone] = await Promise.all([
      hookline('watch'),
      json<Shown[]>('watch', id),
      hookline('watch', '--every', '1h', 'wh_gone'),
    ]);
    keep(noticed);
    t.equal(noticed.exit, 2);
    const line = JSON.parse(noticed.stdout) as Record<string, unknown>;
    t.match(line, {
      level: 50,
      source: 'petstore',
      id,
      status: 'disabled',
      msg: 'a Petstore endpoint is not active',
    });
    t.match(String(line['todo']), `hookline endpoints enable ${id}`);
    t.match([inJson.exit, inJson.json[0]], [2, { id, status: 'disabled' }]);
    t.equal(gone.exit, 2, 'one that is gone is noticed too');

    const textfile = path.join(await temporaryFolder(t), 'hookline.prom');
    keep(await hookline('watch', '--textfile', textfile));
    const disabled = await readFile(textfile, 'utf8');
    t.match(disabled, `hookline_endpoint_active{source="petstore",endpoint="${id}",status="disabled"} 0`);
    const asked = Number(/^hookline_endpoints_asked_timestamp_seconds\{.*\} (\d+)$/m.exec(disabled)?.[1]);
    t.ok(Math.abs(Date.now() / 1_000 - asked) < 60, `asked at ${asked}`);

    const enabled = keep(await json('enable', id));
    t.match([enabled.exit, enabled.json], [0, { id, status: 'active' }]);
    t.equal((await hookline('watch', id, '--textfile', textfile)).exit, 0);
    t.match(await readFile(textfile, 'utf8'), `endpoint="${id}",status="active"} 1`);
    t.same(await readdir(path.dirname(textfile)), ['hookline.prom'], 'nothing half written is left');
    const nowhere = await hookline('watch', id, '--textfile', path.join(textfile, 'x.prom'));
    t.equal(nowhere.exit, 1);
    t.match(nowhere.stderr, /--textfile: /);
  });

  const deleted = keep(await json<object>('delete', id));
  t.same([deleted.exit, deleted.json], [0, { id, deleted: true }]);
  t.equal((await hookline('watch')).exit, 2, 'none at all is not well either');

  t.same(petstore.complaints, [], 'every request was as the guide has it');
  const shown = everything.join('\n');
  t.notMatch(shown, secret, 'the secret is shown nowhere');
  t.notMatch(shown, TOKEN, 'nor is the token');
});

void t.test('where the secret comes from and goes to', async (t) => {
  const petstore = await startPetstoreServer(t);
  const folder = await temporaryFolder(t);
  const env = { PETSTORE_API_URL: petstore.url, PETSTORE_API_TOKEN: TOKEN };
  const create = (args: string[], stdin?: string) =>
    runHookline(t, ['endpoints', 'create', '--events', 'pet.adopted', ...args], {
      env,
      cwd: folder,
      ...(stdin !== undefined && { stdin }),
    });

  const [nowhere, unwritable] = await Promise.all([
    create(['--url', 'https://a.example.com']),
    create(['--url', 'https://a.example.com', '--save-secret', 'no/such/folder/.env']),
  ]);
  t.match(nowhere, { exit: 1, stderr: /--save-secret .env writes it there, --print-secret prints it once/ });
  t.match(unwritable, { exit: 1, stderr: /cannot be written \(ENOENT\). Nothing was sent/ });
  t.same(petstore.requests, [], 'nothing was sent');

  const fresh = await create(['--url', 'https://a.example.com', '--save-secret', '.env']);
  t.equal(fresh.exit, 0, fresh.stderr);
  t.equal(
    await readFile(path.join(folder, '.env'), 'utf8'),
    `PETSTORE_WEBHOOK_SECRET=${petstore.endpoints[0]?.secret}\n`,
  );
  t.equal((await stat(path.join(folder, '.env'))).mode & 0o777, 0o600, 'for its owner only');

  const given = await create(
    ['--url', 'https://b.example.com', '--secret-file', '-'],
    'a-secret-of-my-own\n',
  );
  t.equal(given.exit, 0, given.stderr);
  t.equal(petstore.endpoints[1]?.secret, 'a-secret-of-my-own', 'without the line’s end');
  t.notMatch(given.stdout + given.stderr, 'a-secret-of-my-own');

  const bad = path.join(folder, 'bad');
  for (const text of [' has white space', 'has,comma', 'short']) {
    await writeFile(bad, text);
    const { message } = (await planSecret({ secretFile: bad }).catch((error: Error) => error)) as Error;
    t.match(message, /none of them white space or a comma/, text);
    t.notMatch(message, text);
  }

  const before = await readFile(path.join(folder, '.env'), 'utf8');
  const conflict = await create(['--url', 'https://a.example.com', '--save-secret', '.env']);
  t.match(conflict, { exit: 1, stderr: /409/ });
  t.equal(
    await readFile(path.join(folder, '.env'), 'utf8'),
    before,
    'a request that failed leaves the file as it was',
  );
});
