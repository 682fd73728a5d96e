/** Signatures, and what HTTP lets strangers use up. */
import { guard, type Guard } from '../guard.js';

const TABLE = 'test/sources-http/table.test.ts';
const LIMITS = 'test/hostile/limits.test.ts';
const RATES = 'test/hostile/rate-limit.test.ts';

const hmac: Guard[] = [
  guard(
    'whole signature: prefix compare instead of constant time',
    'lib/signature.ts',
    'timingSafeEqual(expected, signature)',
    'timingSafeEqual(expected.subarray(0, 8), signature.subarray(0, 8))',
    'test/unit/signature.test.ts',
  ),
  guard(
    'all of a digest',
    'lib/signature.ts',
    '[0-9a-f]{64}$/i',
    '[0-9a-f]{64}/i',
    TABLE,
    'test/unit/signature.test.ts',
  ),
  guard(
    'signatures in one request',
    'lib/signature.ts',
    "split(',', 16)",
    "split(',')",
    'test/unit/signature.test.ts',
  ),
  guard(
    'bodies that are looked into',
    'lib/hmac-diagnosis.ts',
    'if (!isModest(body)) return [];',
    'if (isModest === undefined) return [];',
    'test/unit/hmac-diagnosis-hostile.test.ts',
  ),
  guard(
    'short secrets',
    'sources/petstore.ts',
    'secret.length >= MIN_SECRET',
    'secret.length >= 1',
    'test/unit/settings.test.ts',
  ),
  {
    name: 'whole password: prefix compare instead of constant time',
    changes: [
      {
        file: 'lib/credentials.ts',
        from: 'timingSafeEqual(given, expected)',
        to: 'timingSafeEqual(given, expected.subarray(0, given.length))',
      },
      {
        file: 'lib/credentials.ts',
        from: "createHash('sha256').update(text).digest()",
        to: "Buffer.from(createHash('sha256') && text)",
      },
    ],
    tests: ['test/routes/admin-guard.test.ts'],
  },
];

const requests: Guard[] = [
  {
    name: 'size of a body',
    changes: [
      { file: 'lib/body.ts', from: 'if (announced > limit)', to: 'if (announced < 0)' },
      { file: 'lib/body.ts', from: 'if (needed > limit)', to: 'if (needed < 0)' },
      { file: 'lib/body.ts', from: 'Math.min(\n          limit,', to: 'Math.min(\n          Infinity,' },
    ],
    tests: ['test/accept/bodies.test.ts'],
  },
  guard(
    'memory for bodies',
    'lib/body.ts',
    'this.#used + bytes > this.#total || share.used + bytes > this.#perAddress',
    'share.used < 0',
    LIMITS,
  ),
  guard(
    'connections of one address',
    'plugins/limits.ts',
    'count <= options.maxConnectionsPerAddress',
    'count > 0',
    LIMITS,
  ),
  guard(
    'connections of all',
    'plugins/limits.ts',
    'fastify.server.maxConnections = options.maxConnections;',
    '',
    LIMITS,
  ),
  guard(
    'connections of all processes on one port',
    'lib/connection-limit.ts',
    'if (open <= limit) return;',
    'if (limit > 0) return;',
    'test/unit/connection-limit.test.ts',
  ),
  guard(
    'requests at once on a connection',
    'plugins/limits.ts',
    'inHand.count(socket) > MAX_PIPELINED',
    'inHand.count(socket) < 0',
    LIMITS,
  ),
  guard(
    'number of headers',
    'plugins/limits.ts',
    'raw.rawHeaders.length / 2 > MAX_HEADERS',
    'raw.rawHeaders.length > 9 * MAX_HEADERS',
    LIMITS,
  ),
  guard(
    'two Authorization headers',
    'plugins/repeated-headers.ts',
    "if (countOf(raw, 'authorization') > 1)",
    "if (countOf(raw, 'authorization') > 9)",
    'test/hostile/repeated-headers.test.ts',
  ),
  guard(
    'two Host headers',
    'plugins/repeated-headers.ts',
    "countOf(raw, 'host') > 1",
    "countOf(raw, 'host') > 9",
    'test/hostile/repeated-headers.test.ts',
  ),
  guard(
    'time for a request',
    'fastify-options.ts',
    'requestTimeout: TIMES.request,',
    'requestTimeout: 0,',
    'test/routes/slow-requests.test.ts',
  ),
  guard(
    'names in logs and keys',
    'lib/text.ts',
    '!UNPRINTABLE.test(text) &&',
    '',
    'test/unit/delivery.test.ts',
  ),
  guard('length of an id', 'lib/delivery.ts', 'id.length > MAX_ID ||', '', 'test/unit/delivery.test.ts'),
  guard(
    'credentials in job data',
    'lib/delivery.ts',
    '|| isCredentialName(name)',
    '',
    'test/unit/delivery.test.ts',
  ),
  guard(
    'refusals of an address',
    'plugins/rate-limit.ts',
    'refused.count(addressKey(ip)) >= refusals.max',
    'refused.count(addressKey(ip)) < 0',
    RATES,
  ),
  guard(
    'warnings of what cannot be verified',
    'routes/webhooks.ts',
    '!unverified.take(Date.now())',
    'unverified === undefined',
    RATES,
  ),
  guard(
    'traces of strangers',
    'routes/webhooks.ts',
    'const verdict = await source.authenticate(raw);',
    'trace = tracing?.receive({ source: name, headers: request.headers } as never, 0); const verdict = await source.authenticate(raw);',
    'test/tracing/spooled.test.ts',
  ),
  guard(
    'X-Forwarded-For of strangers',
    'fastify-options.ts',
    '...(settings.TRUST_PROXY ? { trustProxy: settings.TRUST_PROXY } : {}),',
    'trustProxy: true,',
    RATES,
  ),
];

export const http: Guard[] = [...hmac, ...requests];
