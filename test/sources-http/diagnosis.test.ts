/** Eight signatures that are wrong for eight reasons: the operator is told which, and the sender nothing. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { adviceOn } from '../../lib/doctor/advice.js';
import { post, type Answer } from '../../senders/sender.js';
import { hmac, makeRsaKey, makeToken, rsaSign, startTinyServer } from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const SECRET = 'whsec_the_right_one';
const HOUR = 3_600;

interface Wrong {
  source: 'petstore' | 'pitchpoint';
  headers: Record<string, string>;
  body: string;
  cause: string;
  /** What the log says. */
  detail: RegExp;
}

void t.test('each is diagnosed, and the answers cannot be told apart', async (t) => {
  const [store, server, key, stranger] = await Promise.all([
    openStore(t),
    startTinyServer(t),
    makeRsaKey(t),
    makeRsaKey(t),
  ]);
  server.answers['/.well-known/jwks.json'] = JSON.stringify({
    keys: [{ kty: 'RSA', kid: 'a', use: 'sig', alg: 'RS256', n: key.n, e: key.e }],
  });
  // The issuer is an hour ahead of us: that is how a clock that is wrong is known from a token that is.
  server.headers['date'] = new Date(Date.now() + HOUR * 1_000).toUTCString();
  const { address, lines } = await startTestService(t, store, {
    PETSTORE_WEBHOOK_SECRET: SECRET,
    PITCHPOINT_ISSUER: server.origin,
    PITCHPOINT_AUDIENCE: 'acme',
  });

  const now = Math.floor(Date.now() / 1_000);
  const token = (claims: object = {}, kid = 'a', by = key) =>
    makeToken(
      { alg: 'RS256', typ: 'JWT', kid },
      { iss: server.origin, aud: 'acme', sub: 'pps', iat: now, exp: now + 2 * HOUR, ...claims },
      (input) => rsaSign(by, input),
    );
  const body = JSON.stringify({ id: randomUUID(), eventType: 'pet.adopted', data: { name: 'Zoë' } });
  const signed = (secret: string, sent = body): Pick<Wrong, 'source' | 'headers' | 'body'> => ({
    source: 'petstore',
    headers: { 'content-type': 'application/json', 'x-petstore-signature': `sha256=${hmac(secret, body)}` },
    body: sent,
  });
  const bearer = (jwt: string): Pick<Wrong, 'source' | 'headers' | 'body'> => ({
    source: 'pitchpoint',
    headers: {
      authorization: `Bearer ${jwt}`,
      'content-type': 'application/json',
      'x-pps-topic': 'orders/placed',
      'x-pps-webhook-id': randomUUID(),
    },
    body: '{}',
  });
  const send = ({
    source,
    headers,
    body: text,
  }: Pick<Wrong, 'source' | 'headers' | 'body'>): Promise<Answer> =>
    post(
      address,
      { path: `/webhooks/${source}`, method: 'POST', headers, body: Buffer.from(text), id: '', topic: '' },
      { timeoutMs: 30_000 },
    );

  const wrong: Record<string, Wrong> = {
    'wrong secret': { ...signed('another'), cause: 'wrong-secret', detail: /Signed with another secret/ },
    'body changed on the way': {
      ...signed(SECRET, JSON.stringify(JSON.parse(body), null, 2)),
      cause: 'body-changed',
      detail: /changed on the way: its JSON was read and written anew/,
    },
    'missing header': {
      ...signed(SECRET),
      headers: { 'content-type': 'application/json' },
      cause: 'missing-signature',
      detail: /a proxy in between drops the header/,
    },
    'secret with white space': {
      ...signed(`${SECRET}\n`),
      cause: 'secret-white-space',
      detail: /a line break at its end/,
    },
    'expired token': {
      ...bearer(token({ iat: now - 3 * HOUR, exp: now - 2 * HOUR })),
      cause: 'expired',
      detail: /the token expired 7\d\d\d s ago/,
    },
    'unknown key': {
      ...bearer(token({}, 'b', stranger)),
      cause: 'unknown-key',
      detail: /has published no key of the kid/,
    },
    'wrong audience': {
      ...bearer(token({ aud: 'somebody-else' })),
      cause: 'wrong-audience',
      detail: /aud is "somebody-else", expected "acme"/,
    },
    'clock skew': {
      ...bearer(token({ iat: now + HOUR, exp: now + 2 * HOUR })),
      cause: 'clock-skew',
      detail: /iat is \d+ s from now.*this clock is \d+ s behind that one. Set it right/,
    },
  };

  const answers: Record<string, Set<string>> = { petstore: new Set(), pitchpoint: new Set() };
  for (const [name, one] of Object.entries(wrong)) {
    const from = lines.length;
    const { status, headers, body: text } = await send(one);
    // Two that differ anyway: the time, and how many refusals are left, which counts each of them alike.
    const { date: _date, ratelimit, ...rest } = headers;
    t.match(ratelimit, /^"refused";r=9\d;t=\d+$/);
    answers[one.source]?.add(JSON.stringify({ status, headers: rest, text }));
    const said = lines.slice(from).filter(({ outcome }) => outcome === 'refused');
    t.equal(said.length, 1, `${name}: one line`);
    t.match(said[0], { source: one.source, cause: one.cause, detail: one.detail, level: 40 }, name);
    t.comment(`${name}: ${one.cause}: ${String(said[0]?.['detail'])}`);
    const log = JSON.stringify(lines.slice(from));
    for (const hidden of [SECRET, 'Zo', one.headers['authorization'] ?? SECRET])
      t.notOk(log.includes(hidden));
    t.notMatch(text, one.cause, 'nothing of it in the answer');
    t.notMatch(
      adviceOn(one.source, one.cause).todo,
      'See the receiver’s log',
      `${name}: doctor knows what to do`,
    );
  }
  t.equal(answers['petstore']?.size, 1, 'Petstore gets one and the same answer, to the byte');
  t.equal(answers['pitchpoint']?.size, 1, 'and so does Pitchpoint');
  const shapes = Object.values(answers).map((same) => {
    const { text } = JSON.parse([...same][0] ?? '{}') as { text: string };
    return Object.keys(JSON.parse(text) as object).join();
  });
  t.equal(new Set(shapes).size, 1, 'of the same shape');

  const metrics = await (await fetch(`${address}/metrics`)).text();
  for (const { source, cause } of Object.values(wrong)) {
    t.match(metrics, `hookline_refusals_total{source="${source}",cause="${cause}"} 1`);
  }
  for (const good of [signed(SECRET), bearer(token())])
    t.equal((await send(good)).status, 200, 'the right one is taken');
});
