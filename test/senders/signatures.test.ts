import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, X509Certificate, type JsonWebKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startPceSender, type PceRequestOptions } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import type { SignedRequest } from '../../senders/sender.js';
import {
  pceSamples,
  pceSubscriptionConfirmation,
  pceUnsubscribeConfirmation,
} from '../../senders/samples/pce.js';
import { petstoreReferenceSamples, petstoreSamples } from '../../senders/samples/petstore.js';
import { pitchpointSamples } from '../../senders/samples/pitchpoint.js';

/** Whether the openssl program takes the signature. Fails the test when openssl could not even try. */
function opensslVerifies(
  t: Test,
  digest: string,
  publicKey: string,
  signature: Buffer,
  data: string,
): boolean {
  const folder = t.testdir({ 'key.pem': publicKey });
  const file = join(folder, 'signature');
  writeFileSync(file, signature);
  const args = ['dgst', `-${digest}`, '-verify', join(folder, 'key.pem'), '-signature', file];
  const { stdout } = spawnSync('openssl', args, { input: data, encoding: 'utf8', timeout: 10_000 });
  if (stdout === 'Verified OK\n') return true;
  t.equal(stdout, 'Verification failure\n', 'openssl read key and signature');
  return false;
}

const [placed] = pitchpointSamples;
const [adopted] = petstoreSamples;
const [changed, notice] = pceSamples;
if (!placed || !adopted || !changed || !notice) throw new Error('A sample is missing.');

void t.test('petstore: HMAC-SHA256 of the exact body, by openssl', async (t) => {
  const secret = `whsec_${'s3cret'.repeat(5)}`;
  const sender = createPetstoreSender({ secret });
  const expected = ({ body }: SignedRequest): string => {
    const args = ['dgst', '-sha256', '-hmac', secret, '-r'];
    return `sha256=${execFileSync('openssl', args, { input: body, encoding: 'utf8', timeout: 10_000 }).slice(0, 64)}`;
  };

  for (const sample of [...petstoreSamples, ...petstoreReferenceSamples]) {
    const request = await sender.request(sample);
    const header = sample.spelling === 'reference' ? 'X-Webhook-Signature' : 'X-Petstore-Signature';
    t.equal(request.headers[header], expected(request), `${sample.topic} in ${header}`);
  }
  for (const tamper of ['body', 'signature', 'token'] as const) {
    const request = await sender.request(adopted, { tamper });
    const given = request.headers['X-Petstore-Signature'] ?? '';
    t.match(given, /^sha256=[0-9a-f]{64}$/, `${tamper}: still well-formed`);
    t.not(given, expected(request), `${tamper}: wrong`);
    t.equal((JSON.parse(request.body.toString()) as { eventType: string }).eventType, 'pet.adopted');
  }
  const raw = await sender.request(adopted, { rawBody: 'not JSON' });
  t.equal(raw.body.toString(), 'not JSON');
  t.equal(raw.headers['X-Petstore-Signature'], expected(raw), 'a raw body is signed as it stands');
});

void t.test("petstore: GitHub's published example of the same scheme", async (t) => {
  const sender = createPetstoreSender({ secret: "It's a Secret to Everybody" });
  const { headers } = await sender.request(adopted, { rawBody: 'Hello, World!' });
  const digest = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  t.equal(headers['X-Petstore-Signature'], `sha256=${digest}`);
});

void t.test('pitchpoint: RS256 token, by openssl against the served key', async (t) => {
  const sender = await startPitchpointSender({ audience: 'acme' });
  t.teardown(() => sender.close());
  const servedKeys = async (): Promise<(JsonWebKey & { kid: string })[]> => {
    const response = await fetch(`${sender.issuer}/.well-known/jwks.json`);
    return ((await response.json()) as { keys: (JsonWebKey & { kid: string })[] }).keys;
  };
  const verifies = async ({ headers }: SignedRequest): Promise<boolean> => {
    const [header = '', claims = '', signature = ''] = (headers['Authorization'] ?? '')
      .slice('Bearer '.length)
      .split('.');
    const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
      kid: string;
      alg: string;
    };
    t.equal(alg, 'RS256');
    const jwk = (await servedKeys()).find((key) => key.kid === kid);
    if (!jwk) throw new Error(`No key ${kid} is served.`);
    const pem = createPublicKey({ key: jwk, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString();
    return opensslVerifies(t, 'sha256', pem, Buffer.from(signature, 'base64url'), `${header}.${claims}`);
  };

  const before = await sender.request(placed);
  t.ok(await verifies(before));
  t.notOk(await verifies(await sender.request(placed, { tamper: 'signature' })), 'a changed signature');
  t.notOk(await verifies(await sender.request(placed, { tamper: 'token' })), "a stranger's token");
  t.ok(
    await verifies(await sender.request(placed, { claims: { aud: 'other' } })),
    'other claims are signed too',
  );

  await sender.rotate();
  const after = await sender.request(placed);
  t.equal((await servedKeys()).length, 2, 'two keys overlap');
  t.ok(await verifies(before), 'the old token still has its key');
  t.ok(await verifies(after), 'so has the new one');

  await sender.rotate();
  t.equal((await servedKeys()).length, 2);
  await t.rejects(verifies(before), { message: /No key/ }, 'the key before the last is gone');
  t.ok(await verifies(after));
});

interface Message {
  [key: string]: string;
}

/** As the SNS guide has it, written apart from the sender's own. */
function stringToSign(message: Message): string {
  const unsigned = new Set(['Signature', 'SignatureVersion', 'SigningCertURL', 'UnsubscribeURL']);
  const keys = Object.keys(message).filter((key) => !unsigned.has(key));
  return keys.sort().reduce((text, key) => `${text}${key}\n${message[key]}\n`, '');
}

void t.test('pce: SNS signature, by openssl against the served certificate', async (t) => {
  const sender = await startPceSender();
  t.teardown(() => sender.close());
  const verifies = async ({ body }: SignedRequest): Promise<boolean> => {
    const message = JSON.parse(body.toString()) as Message;
    const pem = await (await fetch(message['SigningCertURL'] ?? '')).text();
    const args = ['x509', '-pubkey', '-noout'];
    const key = execFileSync('openssl', args, { input: pem, encoding: 'utf8', timeout: 10_000 });
    const digest = message['SignatureVersion'] === '2' ? 'sha256' : 'sha1';
    const signature = Buffer.from(message['Signature'] ?? '', 'base64');
    return opensslVerifies(t, digest, key, signature, stringToSign(message));
  };

  for (const sample of [changed, notice, pceSubscriptionConfirmation, pceUnsubscribeConfirmation]) {
    for (const signatureVersion of ['1', '2'] as const) {
      const options: PceRequestOptions = { signatureVersion };
      const name = `${sample.topic}, version ${signatureVersion}`;
      t.ok(await verifies(await sender.request(sample, options)), name);
      for (const tamper of ['body', 'signature', 'token'] as const) {
        t.notOk(
          await verifies(await sender.request(sample, { ...options, tamper })),
          `${name}, ${tamper} tampered with`,
        );
      }
    }
  }
});

void t.test('pce: the certificate is one that openssl and Node.js read', async (t) => {
  const sender = await startPceSender();
  t.teardown(() => sender.close());
  const { body } = await sender.request(changed);
  const url = (JSON.parse(body.toString()) as Message)['SigningCertURL'] ?? '';
  t.match(url, new RegExp(`^${sender.origin}/SimpleNotificationService-[0-9a-f]{32}\\.pem$`));
  const pem = await (await fetch(url)).text();
  t.equal(sender.requests.certificate, 1);

  const certificate = new X509Certificate(pem);
  t.ok(
    Date.parse(certificate.validFrom) < Date.now() && Date.now() < Date.parse(certificate.validTo),
    'valid now',
  );
  t.ok(certificate.verify(certificate.publicKey), 'signed by itself');
  t.equal(certificate.checkHost('sns.amazonaws.com'), 'sns.amazonaws.com');
  t.equal(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 2048);

  const file = join(t.testdir({ 'certificate.pem': pem }), 'certificate.pem');
  const checked = execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', file, file], {
    encoding: 'utf8',
  });
  t.match(checked, /: OK\n$/);
});
