/** One table for every source: what is authentic is taken to the byte, what is not is refused and leaves nothing. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { post, type Answer } from '../../senders/sender.js';
import { lookUp, untilState } from '../support/deliveries.js';
import {
  hmac,
  makeCertificate,
  makeRsaKey,
  makeToken,
  rsaSign,
  signSns,
  startTinyServer,
  type SnsFields,
} from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

interface Request {
  headers: Record<string, string>;
  body: Buffer;
}

interface Provider {
  source: string;
  environment: Record<string, string>;
  /** What every refusal is answered with. */
  refusal: { statusCode: number; code: string; error: string };
  /** An authentic delivery with this id whose content holds `text`. */
  genuine: (id: string, text: string) => Request;
  /** Authentic deliveries that had better not be, as their ids are asked for afterwards. */
  forgeries: (id: string) => Record<string, Request>;
}

const UNAUTHORIZED = { statusCode: 401, code: 'HKL_ERR_UNAUTHORIZED', error: 'Unauthorized' };
const FORBIDDEN = { statusCode: 403, code: 'HKL_ERR_FORBIDDEN', error: 'Forbidden' };
const JSON_TYPE = { 'content-type': 'application/json' };

async function petstore(): Promise<Provider> {
  const secret = 'whsec_Zm9v+bär/secret=';
  const signed = (body: Buffer, signature = `sha256=${hmac(secret, body)}`): Request => ({
    headers: { ...JSON_TYPE, 'x-petstore-signature': signature },
    body,
  });
  const bodyOf = (id: string, text = '') =>
    Buffer.from(JSON.stringify({ id, eventType: 'pet.adopted', data: { text } }));
  return {
    source: 'petstore',
    environment: { PETSTORE_WEBHOOK_SECRET: secret },
    refusal: UNAUTHORIZED,
    genuine: (id, text) => signed(bodyOf(id, text)),
    forgeries(id) {
      const body = bodyOf(id);
      const hex = hmac(secret, body);
      return {
        'a byte more': { ...signed(body), body: Buffer.concat([body, Buffer.from('\n')]) },
        'another content': { ...signed(body), body: bodyOf(id, 'x') },
        'another secret': signed(body, `sha256=${hmac(`${secret} `, body)}`),
        'an empty secret': signed(body, `sha256=${hmac('\0', body)}`),
        'no signature': { headers: JSON_TYPE, body },
        'an empty signature': signed(body, ''),
        'the scheme alone': signed(body, 'sha256='),
        'the digest without its scheme': signed(body, hex),
        'another scheme': signed(body, `sha1=${hex}`),
        'a digest cut short': signed(body, `sha256=${hex.slice(0, 62)}`),
        'a digest and more': signed(body, `sha256=${hex}00`),
        'a digest in base64': signed(body, `sha256=${Buffer.from(hex, 'hex').toString('base64')}`),
        'no body': { ...signed(body), body: Buffer.alloc(0) },
      };
    },
  };
}

async function pitchpoint(t: Test): Promise<Provider> {
  const [server, key, stranger] = await Promise.all([startTinyServer(t), makeRsaKey(t), makeRsaKey(t)]);
  const issuer = server.origin;
  const jwk = { kty: 'RSA', kid: 'a', use: 'sig', alg: 'RS256', n: key.n, e: key.e };
  server.answers['/.well-known/jwks.json'] = JSON.stringify({ keys: [jwk] });
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg: 'RS256', typ: 'JWT', kid: 'a' };
  const claims = { iss: issuer, aud: 'acme', sub: 'pps', iat: now, exp: now + 3_600 };
  const token = (over: object = {}, head: object = header, by = key) =>
    makeToken(head, { ...claims, ...over }, (input) => rsaSign(by, input));
  const named = (id: string, authorization: string | undefined, body = '{}'): Request => ({
    headers: {
      ...JSON_TYPE,
      'x-pps-webhook-id': id,
      'x-pps-topic': 'orders/placed',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: Buffer.from(body),
  });
  const good = token();
  return {
    source: 'pitchpoint',
    environment: { PITCHPOINT_ISSUER: issuer, PITCHPOINT_AUDIENCE: 'acme' },
    refusal: FORBIDDEN,
    genuine: (id, text) => named(id, `Bearer ${good}`, JSON.stringify({ text })),
    forgeries(id) {
      const bearer = (value: string) => named(id, `Bearer ${value}`);
      const [head = '', , signature = ''] = good.split('.');
      const admin = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
      const confused = (input: string) => Buffer.from(hmac(key.publicPem, input), 'hex');
      return {
        'no token': named(id, undefined),
        'an empty token': bearer(''),
        'another scheme': named(id, `Basic ${Buffer.from('user:password').toString('base64')}`),
        'no token at all behind the scheme': named(id, 'Bearer'),
        'two tokens': bearer(`${good} ${good}`),
        'not a token': bearer('a.b.c'),
        'claims changed': bearer(`${head}.${admin}.${signature}`),
        'signature cut off': bearer(`${head}.${good.split('.')[1]}.`),
        'another key': bearer(token({}, header, stranger)),
        'a key nobody published': bearer(token({}, { ...header, kid: 'b' }, stranger)),
        'a key of its own': bearer(token({}, { ...header, jwk: { ...jwk, n: stranger.n } }, stranger)),
        'algorithm none': bearer(makeToken({ ...header, alg: 'none' }, claims, () => Buffer.alloc(0))),
        'the public key as a secret': bearer(makeToken({ ...header, alg: 'HS256' }, claims, confused)),
        'algorithm RS512': bearer(
          makeToken({ ...header, alg: 'RS512' }, claims, (input) => rsaSign(key, input, 'sha512')),
        ),
        expired: bearer(token({ iat: now - 7_200, exp: now - 3_600 })),
        'without end': bearer(token({ exp: undefined })),
        'not yet valid': bearer(token({ nbf: now + 3_600 })),
        'another issuer': bearer(token({ iss: `${issuer}/` })),
        'no issuer': bearer(token({ iss: undefined })),
        'another audience': bearer(token({ aud: 'acme2' })),
        'no audience': bearer(token({ aud: undefined })),
        'critical extensions': bearer(token({}, { ...header, crit: ['x'], x: 1 })),
      };
    },
  };
}

async function pce(t: Test): Promise<Provider> {
  const [server, elsewhere] = await Promise.all([startTinyServer(t), startTinyServer(t)]);
  const [key, stranger] = await Promise.all([makeRsaKey(t), makeRsaKey(t)]);
  const file = '/SimpleNotificationService-0123456789abcdef.pem';
  server.answers[file] = makeCertificate(key);
  server.answers['/page.html'] = makeCertificate(key);
  elsewhere.answers[file] = makeCertificate(stranger);
  const arn = 'arn:aws:sns:us-east-1:123456789012:pce-events';
  const fields = (id: string, text = ''): SnsFields => ({
    Type: 'Notification',
    MessageId: id,
    TopicArn: arn,
    Subject: 'settled',
    Message: JSON.stringify({ eventType: 'PaymentSettled', text }),
    Timestamp: '2025-01-06T16:20:11.284Z',
  });
  const sent = (message: object): Request => ({
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: Buffer.from(JSON.stringify(message)),
  });
  const url = server.origin + file;
  return {
    source: 'pce',
    environment: { PCE_TOPIC_ARNS: arn, PCE_TRUSTED_ORIGINS: server.origin },
    refusal: FORBIDDEN,
    genuine: (id, text) => sent(signSns(key, url, fields(id, text), text.length % 2 ? '1' : '2')),
    forgeries(id) {
      const good = signSns(key, url, fields(id));
      const { Signature, ...unsigned } = good;
      const by = (signer: typeof key, at: string) => sent(signSns(signer, at, fields(id)));
      return {
        'another message': sent({ ...good, Message: '{"eventType":"PaymentSettled","text":"x"}' }),
        'another subject': sent({ ...good, Subject: 'other' }),
        'no subject': sent({ ...good, Subject: undefined }),
        'another time': sent({ ...good, Timestamp: '2025-01-06T16:20:11.285Z' }),
        'another type': sent({ ...good, Type: 'UnsubscribeConfirmation', Token: 't', SubscribeURL: url }),
        'another key': by(stranger, url),
        'no signature': sent(unsigned),
        'an empty signature': sent({ ...good, Signature: '' }),
        'a signature that is no base64': sent({ ...good, Signature: `${Signature}!` }),
        'the hash of the other version': sent({ ...good, SignatureVersion: '2' }),
        'an unknown version': sent({ ...good, SignatureVersion: '3' }),
        'another topic, well signed': sent(signSns(key, url, { ...fields(id), TopicArn: `${arn}-2` })),
        'a certificate from elsewhere': by(stranger, elsewhere.origin + file),
        'a certificate that is not called one': by(key, `${server.origin}/page.html`),
        'a certificate that is not there': by(key, `${server.origin}/none.pem`),
        'a bucket that looks like SNS': by(stranger, `https://sns.us-east-1.s3.amazonaws.com${file}`),
        'raw delivery': sent({ eventType: 'PaymentSettled' }),
        'not JSON': { headers: {}, body: Buffer.from('PaymentSettled') },
        'a list': sent([good]),
        'no body': { headers: {}, body: Buffer.alloc(0) },
      };
    },
  };
}

const TEXTS: Record<string, string> = {
  plain: 'text',
  accents: 'é ü ß',
  CJK: '日本語',
  emoji: '🐶👩‍👩‍👧',
  'line and paragraph separators': 'a\u2028b\u2029c',
  'what JSON escapes': '"\\/\b\f\n\r\t\u0000</script>',
  'half a pair, escaped': '\\ud83d',
};

void t.test('every source', async (t) => {
  const store = await openStore(t);
  const providers = await Promise.all([petstore(), pitchpoint(t), pce(t)]);
  const handlers = await temporaryFolder(t);
  for (const { source } of providers) {
    await writeFile(path.join(handlers, `${source}.mjs`), recorder(source));
  }
  const { address } = await startTestService(t, store, {
    HANDLERS_DIR: handlers,
    ...Object.assign({}, ...providers.map(({ environment }) => environment)),
  });
  const redis = new Redis(store.url, { maxRetriesPerRequest: null });
  t.teardown(() => redis.disconnect());

  for (const { source, refusal, genuine, forgeries } of providers) {
    const queue = new Queue(source, { connection: redis, prefix: store.prefix });
    const stored = async () =>
      Object.values(await queue.getJobCounts()).reduce((sum, count) => sum + count, 0);
    const send = ({ headers, body }: Request): Promise<Answer> =>
      post(
        address,
        { path: `/webhooks/${source}`, method: 'POST', headers, body, id: '', topic: '' },
        { timeoutMs: 10_000 },
      );

    await t.test(`${source}: authentic`, async (t) => {
      for (const [name, text] of Object.entries(TEXTS)) {
        const id = randomUUID();
        const request = genuine(id, text);
        const answer = await send(request);
        t.equal(answer.status, 200, name);
        t.equal(answer.body, JSON.stringify({ status: 'accepted', source, id }));
        t.match(answer.headers['content-type'], /^application\/json/);
        t.equal((await send(request)).body, JSON.stringify({ status: 'duplicate', source, id }));

        const { state, jobId } = await untilState(address, source, id);
        t.equal(state, 'completed', name);
        const job = (await queue.getJob(String(jobId))) as { data: { rawBody: string } };
        t.ok(Buffer.from(job.data.rawBody).equals(request.body), `${name}: stored to the byte`);
        const seen = await readSeen(handlers, source, id);
        t.equal(seen.length, 1, `${name}: handled once`);
        t.equal(seen[0]?.rawBody, request.body.toString(), `${name}: handed on to the byte`);
        t.equal(JSON.stringify(seen[0]?.payload).includes(JSON.stringify(text)), true, `${name}: and read`);
      }
    });

    await t.test(`${source}: refused`, async (t) => {
      const before = await stored();
      for (const [name, request] of Object.entries(forgeries(`forged-${source}`))) {
        const { status, headers, body } = await send(request);
        t.equal(status, refusal.statusCode, name);
        const parsed = JSON.parse(body) as Record<string, unknown>;
        t.match(parsed, refusal, name);
        t.same(Object.keys(parsed).sort(), ['code', 'error', 'message', 'statusCode'], `${name}: no more`);
        t.equal(headers['www-authenticate'], undefined, `${name}: no challenge`);
        t.equal(headers['retry-after'], undefined, `${name}: no use in trying again`);
      }
      t.equal(await lookUp(address, source, `forged-${source}`), undefined, 'nothing is known of it');
      t.equal(await stored(), before, 'nothing is stored');
      t.equal((await send(genuine(`forged-${source}`, ''))).status, 200, 'its id is free');
    });
  }
});

/** A handler that writes down what it is given, a line of JSON each. */
function recorder(source: string): string {
  return `
    import { appendFileSync } from 'node:fs';
    export default { source: '${source}', topic: '*', handle({ id, payload, rawBody }) {
      appendFileSync(new URL('${source}.jsonl', import.meta.url), JSON.stringify({ id, payload, rawBody }) + '\\n');
    } };`;
}

async function readSeen(folder: string, source: string, id: string) {
  const lines = (await readFile(path.join(folder, `${source}.jsonl`), 'utf8')).split('\n').filter(Boolean);
  return lines
    .map((line) => JSON.parse(line) as { id: string; payload: unknown; rawBody: string })
    .filter((event) => event.id === id);
}
