import { gzipSync } from 'node:zlib';
import t from 'tap';
import { FetchError, fetchLimited, type FetchFailure } from '../../lib/fetch.js';
import { hang, startIssuer, status } from './support.js';

const LIMITS = { timeoutMs: 10_000, maxBytes: 1_000 };

function failure(reason: FetchFailure) {
  return { name: 'FetchError', reason };
}

void t.test('an answer of any status', async (t) => {
  const server = await startIssuer(t);
  server.answers['/ok'] = (response, request) => {
    response.writeHead(200, { 'x-asked': request.headers.accept ?? '' }).end('grüß');
  };
  const {
    status: code,
    headers,
    text,
  } = await fetchLimited(`${server.url}/ok`, { ...LIMITS, accept: 'text/x' });
  t.same([code, headers.get('x-asked'), text], [200, 'text/x', 'grüß']);
  t.match(await fetchLimited(new URL('/none', server.url), LIMITS), { status: 404, text: '' });
});

void t.test('redirects are not followed', async (t) => {
  const server = await startIssuer(t);
  for (const code of [301, 302, 303, 307, 308]) {
    server.answers[`/${code}`] = status(code, { location: '/target' });
    await t.rejects(fetchLimited(`${server.url}/${code}`, LIMITS), {
      name: 'FetchError',
      reason: 'redirect',
    });
  }
  t.equal(server.count('/target'), 0);
});

void t.test('the limit counts what comes out of the compression', async (t) => {
  const server = await startIssuer(t);
  server.answers['/exact'] = (response) => void response.end('x'.repeat(1_000));
  server.answers['/over'] = (response) => void response.end('x'.repeat(1_001));
  server.answers['/bomb'] = (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000)));
  };
  t.equal((await fetchLimited(`${server.url}/exact`, LIMITS)).text.length, 1_000);
  await t.rejects(fetchLimited(`${server.url}/over`, LIMITS), failure('too-large'));
  await t.rejects(fetchLimited(`${server.url}/bomb`, LIMITS), failure('too-large'));
});

void t.test('an endless body is cut off at the limit', async (t) => {
  const server = await startIssuer(t);
  const cut = new Promise<void>((resolve) => {
    server.answers['/endless'] = (response) => {
      response.on('close', resolve);
      const pour = () =>
        void (response.destroyed || (response.write('x'.repeat(10_000)), setImmediate(pour)));
      pour();
    };
  });
  await t.rejects(fetchLimited(`${server.url}/endless`, LIMITS), failure('too-large'));
  await cut;
  t.pass('the connection was closed');
});

void t.test('one deadline covers headers and body', async (t) => {
  const server = await startIssuer(t);
  server.answers['/silent'] = hang;
  server.answers['/stalled'] = (response) => void response.writeHead(200).write('{');
  for (const path of ['/silent', '/stalled']) {
    await t.rejects(fetchLimited(server.url + path, { ...LIMITS, timeoutMs: 100 }), failure('timeout'), path);
  }
});

void t.test('the caller may give up, before and during', async (t) => {
  const server = await startIssuer(t);
  const controller = new AbortController();
  server.answers['/silent'] = () => controller.abort();
  const limits = { ...LIMITS, signal: controller.signal };
  await t.rejects(fetchLimited(`${server.url}/silent`, limits), failure('aborted'));
  await t.rejects(fetchLimited(`${server.url}/never`, limits), failure('aborted'));
  t.equal(server.count('/never'), 0);
});

void t.test('what cannot be reached, and what is not asked', async (t) => {
  const server = await startIssuer(t);
  server.answers['/broken'] = (response) => void response.destroy();
  await t.rejects(fetchLimited(`${server.url}/broken`, LIMITS), failure('network'));
  for (const url of [
    'data:text/plain,hi',
    'file:///etc/passwd',
    'blob:x',
    'nonsense',
    '',
    'http://u:p@127.0.0.1/',
  ]) {
    await t.rejects(fetchLimited(url, LIMITS), failure('bad-url'), url);
  }
});

void t.test('a message names no path and no query', async (t) => {
  const server = await startIssuer(t);
  server.answers['/p4th?token=s3cret'] = (response) => void response.destroy();
  const error = await fetchLimited(`${server.url}/p4th?token=s3cret`, LIMITS).catch(
    (error: unknown) => error,
  );
  t.ok(error instanceof FetchError);
  t.match(String(error), server.url);
  t.notMatch(String(error), /p4th|s3cret/);
});
