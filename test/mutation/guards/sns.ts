/** SNS messages, certificates and the URLs that they name. */
import { guard, type Guard } from '../guard.js';

const TABLE = 'test/sources-http/table.test.ts';
const URLS = 'test/sns/certificate-url.test.ts';

export const sns: Guard[] = [
  guard(
    'URL host: AWS',
    'lib/sns/certificate-url.ts',
    String.raw`[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2})`,
    '[a-z0-9.-]+)',
    URLS,
  ),
  guard(
    'URL host: trusted origins',
    'lib/sns/certificate-url.ts',
    '!trusted.has(url.origin)',
    'trusted.size < 0',
    URLS,
    'test/sns/certificates.test.ts',
  ),
  guard('URL as it is written', 'lib/sns/certificate-url.ts', 'PLAIN.test(raw) &&', 'PLAIN &&', URLS),
  guard(
    'action of a SubscribeURL',
    'lib/sns/certificate-url.ts',
    "actions[0] === 'ConfirmSubscription'",
    'actions[0] !== ""',
    URLS,
  ),
  guard(
    'SubscribeURL before it is asked',
    'lib/sns/handlers.ts',
    'if (!isSubscribeUrl(SubscribeURL, trusted))',
    'if (SubscribeURL === [...trusted][9])',
    'test/sns/handlers.test.ts',
  ),
  guard(
    'topics that are ours',
    'lib/sns/signature.ts',
    '!this.#topicArns.has(TopicArn)',
    'TopicArn === ""',
    TABLE,
  ),
  guard(
    'SNS signature',
    'lib/sns/signature.ts',
    'return verify(digest, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);',
    'return verify !== undefined && digest !== "" && signed.length > 0 && constants !== undefined && key !== undefined;',
    TABLE,
  ),
  guard(
    'versions of a signature',
    'lib/sns/signature.ts',
    'if (!hash)',
    'if (hash === "")',
    'test/sns/signature.test.ts',
  ),
  guard(
    'strict base64 of a signature',
    'lib/sns/signature.ts',
    "bytes.toString('base64') === text",
    'bytes.length > 0',
    'test/sns/signature.test.ts',
  ),
  guard(
    'one reading of a message',
    'lib/sns/message.ts',
    "return typeof MessageId === 'string' ||",
    "return MessageId !== '' || Message !== '' ||",
    'test/sns/message.test.ts',
  ),
  guard(
    'one PEM certificate alone',
    'lib/sns/certificate.ts',
    '!ONE_CERTIFICATE.test(pem)',
    '!ONE_CERTIFICATE',
    'test/sns/certificate.test.ts',
  ),
  guard(
    "a certificate's end",
    'lib/sns/certificate.ts',
    '!(now <= Date.parse(certificate.validTo))',
    'now < 0',
    'test/sns/certificate.test.ts',
  ),
  guard(
    "a certificate's name",
    'lib/sns/certificate.ts',
    'return named ? undefined',
    'return named || aws ? undefined',
    'test/sns/certificate.test.ts',
  ),
  guard(
    'no certificates of authorities',
    'lib/sns/certificate.ts',
    'if (certificate.ca)',
    'if (certificate.ca && !aws)',
    'test/sns/certificate.test.ts',
  ),
  guard(
    'fetches of certificates in a minute',
    'lib/sns/certificates.ts',
    'this.#starts.length >= maxFetchesPerMinute',
    'maxFetchesPerMinute < 0',
    'test/sns/certificates.test.ts',
  ),
  guard(
    'certificates that are kept',
    'lib/sns/certificates.ts',
    'this.#entries.size <= MAX_ENTRIES',
    'MAX_ENTRIES > 0',
    'test/sns/certificates.test.ts',
  ),
  guard(
    'Basic credentials of PCE',
    'sources/pce.ts',
    'if (!refusal) return',
    'if (refusal !== null) return',
    'test/sources-http/pce-handshake.test.ts',
    'test/sources/pce.test.ts',
  ),
];
