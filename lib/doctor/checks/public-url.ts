import { once } from 'node:events';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { fetchLimited } from '../../fetch.js';
import type { DoctorContext } from '../context.js';
import { error, ok, warn, type Check, type Finding } from '../finding.js';

const TIMEOUT = 8_000;
const DAY = 86_400_000;
const RENEW_DAYS = 14;
const WHY = 'Providers cannot deliver, and disable an endpoint after a few failures.';

/** The receiver as providers reach it: by name, with a certificate that they trust, and it is a Hookline. */
export const publicUrlCheck: Check<DoctorContext> = {
  name: 'public-url',
  async run({ publicUrl }) {
    if (publicUrl === undefined) {
      const todo = 'Set PUBLIC_URL, or give --url, to have it looked at.';
      return [warn('public-url', 'not known', 'Whether providers reach the receiver cannot be said.', todo)];
    }
    const url = new URL(publicUrl);
    if (url.protocol === 'http:') {
      const why = 'Providers refuse addresses without TLS, and everybody on the way can read the events.';
      return [
        error(
          'public-tls',
          `${publicUrl} is http`,
          why,
          'Put a proxy with a certificate in front, and use https.',
        ),
      ];
    }
    const certificate = await lookAtCertificate(url);
    return certificate.level === 'error' ? [certificate] : [certificate, await lookAtReceiver(url)];
  },
};

async function lookAtCertificate(url: URL): Promise<Finding> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = tls.connect({
    host,
    port: Number(url.port || 443),
    // RFC 6066 §3: a name, never an address.
    ...(isIP(host) === 0 && { servername: host }),
    // Looked at all the same, to say what is wrong with it.
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(TIMEOUT) });
    const { valid_to: validTo } = socket.getPeerCertificate();
    return describeCertificate(url.host, socket.authorizationError, Date.parse(validTo));
  } catch (cause) {
    const { code, name, message } = cause as NodeJS.ErrnoException;
    const reason =
      name === 'AbortError' || name === 'TimeoutError' ? `no answer within ${TIMEOUT} ms` : (code ?? message);
    return error('public-url', `${url.host} cannot be reached (${reason})`, WHY, CANNOT_REACH);
  } finally {
    socket.destroy();
  }
}

const CANNOT_REACH =
  'Check the name server entry, the firewall, and that the proxy runs. Some networks do not let a machine reach its own public address: then look from outside.';

function describeCertificate(
  host: string,
  problem: Error | string | null | undefined,
  validTo: number,
): Finding {
  if (problem) {
    const code =
      typeof problem === 'string' ? problem : ((problem as NodeJS.ErrnoException).code ?? problem.message);
    return error('public-tls', `the certificate of ${host} is not valid: ${code}`, WHY, todoFor(code));
  }
  const days = Math.floor((validTo - Date.now()) / DAY);
  if (days >= RENEW_DAYS)
    return ok('public-tls', `the certificate of ${host} is valid for ${days} more days`);
  return warn(
    'public-tls',
    `the certificate of ${host} is valid for ${days} more days only`,
    'When it runs out, providers cannot deliver.',
    'Renew it, and find out why that did not happen by itself.',
  );
}

/** OpenSSL's names of what can be wrong. */
function todoFor(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate.';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Get a certificate for this very name, or correct the URL.';
  if (code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' || code === 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY') {
    return 'Serve the whole chain, with the intermediate certificates, and use an authority that is known.';
  }
  if (code.includes('SELF_SIGNED'))
    return 'Use a certificate of an authority that is known: providers trust no self-signed one.';
  return 'Get a certificate that browsers accept.';
}

/** By the one path that a proxy has to pass on: a GET is answered 405, in words that only a Hookline uses. */
async function lookAtReceiver(url: URL): Promise<Finding> {
  const name = 'public-url';
  const address = new URL('/webhooks/doctor', url);
  const todo = 'Have the proxy pass /webhooks on to the receiver, with path, headers and body as they are.';
  try {
    const { status, text } = await fetchLimited(address, { timeoutMs: TIMEOUT, maxBytes: 65_536 });
    if (status === 405 && text.includes('HKL_ERR_METHOD_NOT_ALLOWED'))
      return ok(name, `${url.origin} leads to a Hookline`);
    return error(name, `GET ${address.href} answered ${status}, and not as a Hookline does`, WHY, todo);
  } catch (cause) {
    return error(name, (cause as Error).message, WHY, todo);
  }
}
