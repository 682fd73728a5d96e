/** A set-up in which all is well: receiver and workers, all three providers, a public address with TLS. */
import { writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Test } from 'tap';
import { startPceSender, type PceSender } from '../../senders/pce.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { pceSubscriptionConfirmation } from '../../senders/samples/pce.js';
import { post } from '../../senders/sender.js';
import { startPetstoreServer, TOKEN, type PetstoreServer } from '../endpoints/petstore-server.js';
import { untilState } from '../support/deliveries.js';
import { makeRsaKey, openssl } from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openOwnStore, temporaryFolder, type TestStore } from '../support/store.js';

export const SECRET = 'the-secret-of-the-endpoint';
const BASIC = { user: 'pce', password: 'a password of PCE' };

export interface SetUp {
  store: TestStore;
  /** For files of the test. */
  folder: string;
  /** The receiver, from this machine. */
  address: string;
  /** The receiver's, and so doctor's too. */
  environment: Record<string, string>;
  /** `https://127.0.0.1:<port>`, with a certificate that only `environment` makes trusted. */
  publicUrl: string;
}

export async function startGoodSetUp(t: Test): Promise<SetUp> {
  const store = { url: await openOwnStore(t), prefix: 'doctor' };
  const [pitchpoint, pce] = await Promise.all([startPitchpointSender(), startPceSender({ basic: BASIC })]);
  t.teardown(() => Promise.all([pitchpoint.close(), pce.close()]));
  const folder = await temporaryFolder(t);
  const sources = {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    DATA_DIR: folder,
    PETSTORE_WEBHOOK_SECRET: SECRET,
    ...pitchpoint.environment,
    ...pce.environment,
  };
  const { address } = await startTestService(t, store, { ...sources, SHUTDOWN_TIMEOUT: '1s' });
  const certificate = await makeTlsCertificate(t, folder);
  const publicUrl = await startProxy(t, address, certificate);
  const petstore = await startRegistered(t, publicUrl);
  await confirmSubscription(pce, address);
  return {
    store,
    folder,
    address,
    publicUrl,
    environment: {
      ...sources,
      PORT: new URL(address).port,
      PUBLIC_URL: publicUrl,
      PETSTORE_API_URL: petstore.url,
      PETSTORE_API_TOKEN: TOKEN,
      NODE_EXTRA_CA_CERTS: certificate.file,
    },
  };
}

/** Petstore with an endpoint for this address. */
export async function startRegistered(t: Test, publicUrl: string): Promise<PetstoreServer> {
  const petstore = await startPetstoreServer(t);
  petstore.endpoints.push({
    id: 'wh_1',
    url: `${publicUrl}/webhooks/petstore`,
    events: ['pet.adopted', 'order.created'],
    secret: SECRET,
    status: 'active',
    createdAt: '2025-01-06T12:00:00Z',
  });
  return petstore;
}

interface TlsCertificate {
  cert: string;
  key: string;
  /** Path of the certificate, PEM. */
  file: string;
}

/** Self-signed. */
export async function makeTlsCertificate(
  t: Test,
  folder: string,
  { address = '127.0.0.1', days = 90 } = {},
): Promise<TlsCertificate> {
  const { file: keyFile } = await makeRsaKey(t);
  const names = ['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`];
  const cert = String(openssl(['req', '-x509', '-key', keyFile, ...names, '-days', String(days)]));
  const file = path.join(folder, `${address}-${days}.pem`);
  await writeFile(file, cert);
  return { cert, key: String(openssl(['rsa', '-in', keyFile])), file };
}

/** A proxy with TLS, as docs/deploying.md has it: nothing but /webhooks/ is passed on. */
export async function startProxy(t: Test, target: string, { cert, key }: TlsCertificate): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer({ cert, key }, (request, response) => {
    const { method, url: path, headers } = request;
    if (!path?.startsWith('/webhooks/')) {
      response.writeHead(404).end('not here');
      return;
    }
    const onward = httpRequest({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  return `https://127.0.0.1:${await listen(t, server)}`;
}

async function listen(t: Test, server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return (server.address() as AddressInfo).port;
}

async function confirmSubscription(pce: PceSender, address: string): Promise<void> {
  const request = await pce.request(pceSubscriptionConfirmation);
  await post(address, request, { timeoutMs: 10_000 });
  await untilState(address, 'pce', request.id, 'completed');
}
