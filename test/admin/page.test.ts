/** The page of /admin as it is served: files by name only, nothing allowed that it does not need, behind the guard. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import t from 'tap';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const store = await openStore(t);
const QUICK = { SHUTDOWN_TIMEOUT: '100ms', ROLE: 'receiver' };
const { address } = await startTestService(t, store, QUICK);

const PAGES = [
  '/admin',
  '/admin/',
  '/admin/deliveries',
  '/admin/deliveries?state=failed',
  '/admin/deliveries/pce/a%2Fb',
];

/** A path as it stands: `fetch` would tidy it up first. */
function get(path: string): Promise<{ status: number; type: string }> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(address);
    http
      .get({ hostname, port, path, agent: false }, (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '' });
      })
      .on('error', reject);
  });
}

void t.test('every address of the page answers the same document', async (t) => {
  const bodies = new Set<string>();
  for (const path of PAGES) {
    const response = await fetch(address + path);
    t.equal(response.status, 200, path);
    t.match(response.headers.get('content-type'), /^text\/html; charset=utf-8/, path);
    bodies.add(await response.text());
  }
  t.equal(bodies.size, 1);
  t.match([...bodies][0], '&quot;readOnly&quot;:false');
});

void t.test('all that the document and its modules ask for is there', async (t) => {
  const asked = ['/admin'];
  for (const path of asked) {
    const response = await fetch(address + path);
    t.equal(response.status, 200, path);
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const expected = { js: /^text\/javascript/, css: /^text\/css/, svg: /^image\/svg/ }[
      path.split('.')[1] ?? ''
    ];
    if (expected) t.match(type, expected, path);
    const named = [
      ...text.matchAll(/["'](\/admin\/assets\/[\w.-]+)["']/g),
      ...text.matchAll(/from '\.(\/[\w.-]+)'/g),
    ];
    for (const [, name = ''] of named) {
      const next = name.startsWith('/admin') ? name : `/admin/assets${name}`;
      if (!asked.includes(next)) asked.push(next);
    }
  }
  t.ok(asked.length > 20, `${asked.length} files`);
});

void t.test(
  'the security policy allows files of ours and the import map, and nothing in place',
  async (t) => {
    for (const path of [...PAGES, '/admin/assets/main.js']) {
      const { headers } = await fetch(address + path);
      const policy = headers.get('content-security-policy') ?? '';
      t.notMatch(policy, /unsafe|https?:|\*/, path);
      t.match(policy, /^default-src 'none';.*\btrusted-types 'none'$/, path);
      t.equal(headers.get('x-content-type-options'), 'nosniff', path);
    }
    const page = await fetch(`${address}/admin`);
    const scripts = [...(await page.text()).matchAll(/<script(?![^>]*src)[^>]*>([^]*?)<\/script>/g)];
    t.equal(scripts.length, 1, 'one script in place');
    const hash = createHash('sha256')
      .update(scripts[0]?.[1] ?? '')
      .digest('base64');
    t.match(page.headers.get('content-security-policy'), `'sha256-${hash}'`);
  },
);

void t.test('what is not listed is not found, however it is spelt', async (t) => {
  for (const name of [
    'nothing.js',
    'index.html',
    'toString',
    '__proto__',
    '..%2fserver.js',
    '../server.js',
    '%2e%2e/app.js',
    'preact.js/..%2f..%2fpackage.json',
    '',
  ]) {
    const { status, type } = await get(`/admin/assets/${name}`);
    t.equal(status, 404, name);
    t.match(type, /^application\/json/, name);
  }
});

void t.test('what did not change is not sent again', async (t) => {
  for (const path of ['/admin/assets/main.js', '/admin/assets/uplot.js']) {
    const first = await fetch(address + path);
    t.equal(first.headers.get('cache-control'), 'no-cache', path);
    const etag = first.headers.get('etag') ?? '';
    const again = await fetch(address + path, { headers: { 'if-none-match': etag } });
    t.equal(again.status, 304, path);
    t.equal(await again.text(), '', path);
    t.equal((await fetch(address + path, { headers: { 'if-none-match': '"other"' } })).status, 200, path);
  }
});

void t.test('the guard stands before the page and its files', async (t) => {
  const guarded = await startTestService(t, store, {
    ...QUICK,
    ADMIN_USER: 'ops',
    ADMIN_PASSWORD: 'p4ss-of-the-page',
  });
  const authorization = `Basic ${Buffer.from('ops:p4ss-of-the-page').toString('base64')}`;
  for (const path of [...PAGES, '/admin/assets/main.js', '/admin/assets/nothing.js']) {
    t.equal((await fetch(guarded.address + path)).status, 401, path);
    const allowed = await fetch(guarded.address + path, { headers: { authorization } });
    t.equal(allowed.status, path.endsWith('nothing.js') ? 404 : 200, path);
  }
  const production = await startTestService(t, store, { ...QUICK, NODE_ENV: 'production' });
  t.equal(
    (await fetch(`${production.address}/admin`)).status,
    404,
    'nobody in production without a password',
  );
});

void t.test(
  'the page says whether anything can be changed, and the dashboard leads back to it',
  async (t) => {
    const readOnly = await startTestService(t, store, { ...QUICK, ADMIN_READONLY: 'true' });
    t.match(await (await fetch(`${readOnly.address}/admin`)).text(), '&quot;readOnly&quot;:true');
    t.match(await (await fetch(`${address}/admin/queues`)).text(), '"url":"/admin"');
  },
);
