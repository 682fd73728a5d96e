import t from 'tap';
import { UnavailableError } from '../../lib/errors.js';
import { fetchLimited } from '../../lib/fetch.js';
import { Certificates, type CertificatesOptions } from '../../lib/sns/certificates.js';
import { expired, makeSigner, serve, serveText, type TestServer } from './support.js';

const MINUTE = 60_000;
const signer = makeSigner();

/** A clock that only the test moves. */
function makeClock() {
  let milliseconds = Date.now();
  return { now: () => milliseconds, pass: (by: number) => void (milliseconds += by) };
}

function certificatesOf(server: TestServer, options: Partial<CertificatesOptions> = {}) {
  return new Certificates({ trustedOrigins: new Set([server.origin]), ...options });
}

/** A server whose answer can be changed. */
async function serveChanging() {
  const state = { status: 200, text: signer.pem };
  const server = await serve((_request, response) => response.writeHead(state.status).end(state.text));
  return { state, server, url: `${server.origin}/cert.pem` };
}

const unavailable = { name: 'UnavailableError', code: 'HKL_ERR_KEYS_UNAVAILABLE', statusCode: 503 };

void t.test('a certificate is fetched once, however many ask at once or later', async (t) => {
  const server = await serveText(signer.pem);
  const certificates = certificatesOf(server);
  const url = `${server.origin}/cert.pem`;
  const found = await Promise.all(Array.from({ length: 50 }, () => certificates.find(url)));
  t.ok(found.every((one) => one.ok && one.key.type === 'public'));
  t.match(await certificates.find(url), { ok: true });
  t.same(server.requests, ['/cert.pem']);
});

void t.test('what came of each fetch is told', async (t) => {
  const { state, server, url } = await serveChanging();
  const outcomes: string[] = [];
  const open = () => certificatesOf(server, { onFetch: (outcome) => outcomes.push(outcome) });
  const certificates = open();
  for (let times = 0; times < 3; times += 1) await certificates.find(url);
  state.text = 'no certificate';
  await open().find(url);
  state.status = 500;
  await t.rejects(open().find(url), unavailable);
  await open().find('https://example.com/cert.pem');
  t.same(outcomes, ['ok', 'refused', 'failed'], 'and nothing where nothing was fetched');
});

void t.test('a URL that is not allowed is not fetched', async (t) => {
  const server = await serveText(signer.pem);
  const certificates = new Certificates({ trustedOrigins: new Set() });
  const refused = await certificates.find(`${server.origin}/cert.pem`);
  t.match(refused, { ok: false, cause: 'certificate-url', detail: /127\.0\.0\.1.*PCE_TRUSTED_ORIGINS/ });
  t.match(await certificates.find('https://user:secret@evil.com/cert.pem'), {
    ok: false,
    cause: 'certificate-url',
  });
  t.same(server.requests, []);
});

void t.test('what is answered but is no certificate to verify by is refused', async (t) => {
  const answers: Record<string, string> = {
    'not exactly one PEM': 'hello',
    'has expired': expired(signer).pem,
    'no RSA key': makeSigner({ key: 'ec' }).pem,
    'larger than 65536 bytes': signer.pem + ' '.repeat(70_000),
  };
  for (const [problem, text] of Object.entries(answers)) {
    const server = await serveText(text);
    const refused = await certificatesOf(server).find(`${server.origin}/cert.pem`);
    t.match(refused, { ok: false, cause: 'certificate', detail: new RegExp(problem) });
  }
});

void t.test('a redirect is refused and not followed', async (t) => {
  const target = await serveText(signer.pem);
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await serve((_request, response) => {
      response.writeHead(status, { location: `${target.origin}/cert.pem` }).end();
    });
    const certificates = new Certificates({ trustedOrigins: new Set([server.origin, target.origin]) });
    const refused = await certificates.find(`${server.origin}/cert.pem`);
    t.match(refused, { ok: false, cause: 'certificate', detail: /redirect/ });
    t.equal(server.requests.length, 1);
  }
  t.same(target.requests, []);
});

void t.test('a certificate that is not there is refused, and asked for again after a minute', async (t) => {
  const { state, server, url } = await serveChanging();
  const clock = makeClock();
  const certificates = certificatesOf(server, { now: clock.now });
  state.status = 404;
  t.match(await certificates.find(url), { ok: false, cause: 'certificate', detail: /404/ });
  state.status = 200;
  clock.pass(MINUTE - 1);
  t.match(await certificates.find(url), { ok: false, cause: 'certificate' });
  t.equal(server.requests.length, 1);
  clock.pass(1);
  t.match(await certificates.find(url), { ok: true });
  t.equal(server.requests.length, 2);
});

void t.test('a server that cannot answer just now makes us say so', async (t) => {
  for (const status of [500, 503, 403, 429, 204]) {
    const { state, server, url } = await serveChanging();
    const clock = makeClock();
    const certificates = certificatesOf(server, { now: clock.now });
    state.status = status;
    await t.rejects(certificates.find(url), unavailable, `${status}`);
    await t.rejects(certificates.find(url), unavailable, `${status}, remembered`);
    t.equal(server.requests.length, 1);
    state.status = 200;
    clock.pass(5_000);
    t.match(await certificates.find(url), { ok: true }, 'and asks again soon');
  }
});

void t.test('so does one that is gone', async (t) => {
  const certificates = new Certificates({ trustedOrigins: new Set(['http://127.0.0.1:1']) });
  await t.rejects(certificates.find('http://127.0.0.1:1/cert.pem'), unavailable);
});

void t.test('so does one that hangs', async (t) => {
  const silent = await serve(() => {});
  const stuck = await serve(
    (_request, response) => void response.writeHead(200).write(signer.pem.slice(0, 100)),
  );
  for (const server of [silent, stuck]) {
    const certificates = certificatesOf(server, { timeoutMs: 100 });
    const waiting = Array.from({ length: 10 }, () => certificates.find(`${server.origin}/cert.pem`));
    for (const outcome of await Promise.allSettled(waiting)) {
      t.ok(outcome.status === 'rejected' && outcome.reason instanceof UnavailableError);
    }
    t.equal(server.requests.length, 1);
  }
});

void t.test('a cached certificate is dropped when it expires', async (t) => {
  const { state, server, url } = await serveChanging();
  const clock = makeClock();
  const certificates = certificatesOf(server, { now: clock.now });
  t.match(await certificates.find(url), { ok: true });
  clock.pass(29 * 24 * 60 * MINUTE);
  t.match(await certificates.find(url), { ok: true });
  t.equal(server.requests.length, 1);
  clock.pass(2 * 24 * 60 * MINUTE);
  t.match(await certificates.find(url), { ok: false, cause: 'certificate', detail: /has expired/ });
  t.equal(server.requests.length, 2);
  t.equal(state.status, 200);
});

void t.test('a flood of certificate URLs costs so many fetches a minute', async (t) => {
  const server = await serve((request, response) => {
    const known = request.url === '/known.pem';
    response.writeHead(known ? 200 : 404).end(known ? signer.pem : '');
  });
  const clock = makeClock();
  const certificates = certificatesOf(server, { now: clock.now, maxFetchesPerMinute: 10 });
  const known = `${server.origin}/known.pem`;
  t.match(await certificates.find(known), { ok: true });
  certificates.vouch(known);
  for (const [minute, fetches] of [
    [0, 10],
    [1, 20],
  ] as const) {
    const forged = Array.from({ length: 500 }, (_, n) =>
      certificates.find(`${server.origin}/${minute}-${n}.pem`),
    );
    const outcomes = await Promise.allSettled(forged);
    t.equal(server.requests.length, fetches, `${fetches} fetches after minute ${minute}`);
    const turnedAway = outcomes.filter(
      (one) => one.status === 'rejected' && one.reason instanceof UnavailableError,
    );
    const refused = outcomes.filter((one) => one.status === 'fulfilled' && !one.value.ok);
    t.equal(turnedAway.length + refused.length, 500);
    t.equal(turnedAway.length, minute === 0 ? 491 : 490);
    t.match(await certificates.find(known), { ok: true }, 'what is known is still there');
    clock.pass(MINUTE);
  }
  t.equal(server.requests.filter((path) => path === '/known.pem').length, 1);
});

void t.test('so many certificates are kept, those that verified a message longest', async (t) => {
  const server = await serveText(signer.pem);
  const certificates = certificatesOf(server, { maxFetchesPerMinute: 1_000 });
  const url = (name: string | number) => `${server.origin}/${name}.pem`;
  await certificates.find(url('proven'));
  certificates.vouch(url('proven'));
  await certificates.find(url('used'));
  for (let n = 0; n < 30; n++) {
    await certificates.find(url(n));
    await certificates.find(url('used'));
  }
  const before = server.requests.length;
  t.equal(before, 32);
  for (const name of ['proven', 'used', 29]) await certificates.find(url(name));
  t.equal(server.requests.length, before, 'still known');
  await certificates.find(url(0));
  t.equal(server.requests.length, before + 1, 'the first of the others had to go');
});

void t.test('the hosts of AWS must show a certificate in the name of SNS', async (t) => {
  const genuine = makeSigner({ names: ['DNS:sns.amazonaws.com'] });
  const url = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem';
  const clock = makeClock();
  const at = async (pem: string) => {
    const server = await serveText(pem);
    // As if the host of AWS were this server: the one part of the way that cannot be real here.
    const fetch: typeof fetchLimited = (url, limits) =>
      fetchLimited(server.origin + new URL(url).pathname, limits);
    return { server, certificates: new Certificates({ trustedOrigins: new Set(), fetch, now: clock.now }) };
  };
  const stranger = await at(signer.pem);
  const detail = /sns\.eu-west-1\.amazonaws\.com is not in the name of SNS/;
  t.match(await stranger.certificates.find(url), { ok: false, cause: 'certificate', detail });

  const { server, certificates } = await at(genuine.pem);
  const found = await certificates.find(url);
  if (!found.ok) throw new Error(found.detail);
  clock.pass(MINUTE);
  t.equal(await certificates.findNewer(url, found.key), undefined);
  t.same(
    server.requests,
    ['/SimpleNotificationService-0123456789abcdef.pem'],
    'and is not asked for a newer one',
  );
});

void t.test('a trusted origin may put another certificate in the place of the old one', async (t) => {
  const { state, server, url } = await serveChanging();
  const clock = makeClock();
  const certificates = certificatesOf(server, { now: clock.now });
  const first = await certificates.find(url);
  if (!first.ok) throw new Error(first.detail);
  t.equal(await certificates.findNewer(url, first.key), undefined, 'it was asked just now');
  t.equal(await certificates.findNewer(`${url}.pem`, first.key), undefined, 'of another nothing is known');

  state.text = makeSigner().pem;
  clock.pass(5_000);
  const both = [certificates.findNewer(url, first.key), certificates.findNewer(url, first.key)];
  const [newer, same] = await Promise.all(both);
  if (!newer?.ok || !same?.ok) throw new Error('no newer one');
  t.equal(server.requests.length, 2, 'asked once more');
  t.ok(!newer.key.equals(first.key) && newer.key === same.key);
  t.equal(await certificates.findNewer(url, first.key), newer, 'also for who comes a little late');

  state.status = 500;
  clock.pass(5_000);
  await t.rejects(certificates.findNewer(url, newer.key), unavailable);
  t.equal(await certificates.findNewer(url, newer.key), undefined, 'not asked again at once');
  t.equal(await certificates.find(url), newer, 'the known one stays while the server is out');
  t.equal(server.requests.length, 3);
});
