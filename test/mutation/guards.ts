/** The guards against hostile input, each with a change that takes it away and the tests that have to notice. */

export interface Guard {
  name: string;
  /** Each `from` stands in its file exactly once. */
  changes: Array<{ file: string; from: string; to: string }>;
  /** Any one of these files has to turn red. */
  tests: string[];
}

function guard(name: string, file: string, from: string, to: string, ...tests: string[]): Guard {
  return { name, changes: [{ file, from, to }], tests };
}

const TOKEN = 'lib/jwt/token.ts';
const CLAIMS = 'lib/jwt/claims.ts';
const KEYS = 'lib/jwt/key-set.ts';
const VERIFIER = 'test/jwt/verifier.test.ts';
const KEY_SET = 'test/jwt/key-set.test.ts';
const KEY_SERVER = 'test/jwt/key-server.test.ts';
const TABLE = 'test/sources-http/table.test.ts';
const URLS = 'test/sns/certificate-url.test.ts';
const LIMITS = 'test/hostile/limits.test.ts';
const RATES = 'test/hostile/rate-limit.test.ts';
const ADMIN = 'test/hostile/admin.test.ts';

const jwt: Guard[] = [
  guard('algorithm pin', TOKEN, "if (alg !== 'RS256')", 'if (alg === undefined)', VERIFIER),
  {
    name: 'algorithm pin, the second lock too',
    changes: [
      { file: TOKEN, from: "if (alg !== 'RS256')", to: 'if (alg === undefined)' },
      { file: 'lib/jwt/verifier.ts', from: "algorithms: ['RS256'],", to: '' },
    ],
    tests: [TABLE],
  },
  guard('audience', CLAIMS, 'if (!audiences.includes(audience))', 'if (audiences.length > 9)', VERIFIER),
  {
    name: 'audience, the second lock too',
    changes: [
      { file: CLAIMS, from: 'if (!audiences.includes(audience))', to: 'if (audiences.length > 9)' },
      { file: 'lib/jwt/verifier.ts', from: 'allowedAud: audience,', to: '' },
    ],
    tests: [TABLE],
  },
  {
    name: 'issuer, in both locks',
    changes: [
      { file: CLAIMS, from: 'if (iss !== issuer)', to: 'if (iss === undefined)' },
      { file: 'lib/jwt/verifier.ts', from: 'allowedIss: issuer,', to: '' },
    ],
    tests: [TABLE],
  },
  guard(
    'expiry',
    CLAIMS,
    'return now >= exp + toleranceSeconds;',
    'return now < 0 * exp * toleranceSeconds;',
    VERIFIER,
  ),
  guard('not before', CLAIMS, 'nbf > now + tolerance', 'nbf < 0', VERIFIER),
  guard('issued in the future', CLAIMS, 'iat > now + tolerance', 'iat < 0', VERIFIER),
  guard('required claims', CLAIMS, 'if (missing.length > 0)', 'if (missing.length > 4)', VERIFIER),
  guard(
    'critical extensions',
    TOKEN,
    'crit !== undefined || b64 !== undefined',
    'b64 === crit && b64 !== b64',
    VERIFIER,
  ),
  guard('kinds of token', TOKEN, 'TYPES.has(typ.toLowerCase())', 'TYPES.size > 0', VERIFIER),
  guard('one spelling of base64url', TOKEN, "toString('base64url') === segment", 'length > 0', VERIFIER),
  guard(
    'members named once',
    TOKEN,
    'object && !hasDuplicateMembers(text) ? object : undefined',
    'object && hasDuplicateMembers ? object : undefined',
    VERIFIER,
  ),
  guard(
    'length of a token',
    TOKEN,
    'token.length > MAX_TOKEN_LENGTH',
    'token.length > 9 * MAX_TOKEN_LENGTH',
    VERIFIER,
  ),
  guard('kid memory', KEYS, 'this.#now() < (this.#absentUntil.get(kid) ?? 0)', 'this.#now() < 0', KEY_SET),
  guard('fetches for unknown kids', KEYS, '!(mayAsk && this.#unknownKids.take(now))', '!mayAsk', KEY_SET),
  guard(
    'nothing fetched for suspects',
    KEYS,
    '!(mayAsk && this.#unknownKids.take(now))',
    '!this.#unknownKids.take(now)',
    RATES,
  ),
  guard('an end to keys past their lifetime', KEYS, 'now >= held.unusableAt', 'now < 0', KEY_SET),
  guard(
    'keys for encryption',
    'lib/jwt/public-keys.ts',
    "use !== 'sig'",
    "use === ''",
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'weak keys',
    'lib/jwt/public-keys.ts',
    'modulusLength < MIN_MODULUS_BITS',
    'modulusLength < 8',
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'an exponent of one',
    'lib/jwt/public-keys.ts',
    'publicExponent < 3n',
    'publicExponent < 1n',
    'test/jwt/public-keys.test.ts',
  ),
  guard(
    'discovery of another issuer',
    'lib/jwt/key-server.ts',
    "if (document['issuer'] !== issuer)",
    "if (document['issuer'] === '')",
    KEY_SERVER,
  ),
  guard(
    'keys over http for an https issuer',
    'lib/jwt/key-server.ts',
    '/^https?:/i : /^https:/i',
    '/^https?:/i : /^https?:/i',
    KEY_SERVER,
  ),
  guard(
    'tenants',
    'sources/pitchpoint.ts',
    '!tenants.includes(tenant)',
    'tenants.length === 0',
    'test/sources/pitchpoint.test.ts',
  ),
];

const fetching: Guard[] = [
  guard('no redirects', 'lib/fetch.ts', "redirect: 'manual'", "redirect: 'follow'", 'test/jwt/fetch.test.ts'),
  guard('size of what is fetched', 'lib/fetch.ts', 'size > maxBytes', 'size < 0', 'test/jwt/fetch.test.ts'),
  guard(
    'a deadline for what is fetched',
    'lib/fetch.ts',
    'of [deadline, limits.signal]',
    'of [limits.signal]',
    'test/jwt/fetch.test.ts',
  ),
];

const sns: Guard[] = [
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

const http: Guard[] = [
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
    'this.#used + bytes > this.#total || own > this.#perAddress',
    'own < 0',
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
    'requests at once on a connection',
    'plugins/limits.ts',
    'requests > MAX_PIPELINED',
    'requests < 0',
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
    'if (credentials.length > 1)',
    'if (credentials.length > 9)',
    'test/hostile/repeated-headers.test.ts',
  ),
  guard(
    'two Host headers',
    'plugins/repeated-headers.ts',
    "valuesOf(raw, 'host').length > 1",
    "valuesOf(raw, 'host').length > 9",
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
    'X-Forwarded-For of strangers',
    'fastify-options.ts',
    '...(settings.TRUST_PROXY ? { trustProxy: settings.TRUST_PROXY } : {}),',
    'trustProxy: true,',
    RATES,
  ),
];

const admin: Guard[] = [
  guard(
    'guesses of a password',
    'plugins/admin-guard.ts',
    'guesses.count(address) >= MAX_GUESSES',
    'guesses.count(address) < 0',
    ADMIN,
  ),
  guard(
    'changes from other sites',
    'plugins/admin-guard.ts',
    'if (!isSameOrigin(request))',
    'if (!isSameOrigin)',
    ADMIN,
  ),
  guard(
    'changes of the API from other sites',
    'routes/admin-http.ts',
    "if (!ours || headers['sec-fetch-site'] === 'cross-site')",
    'if (ours === undefined)',
    'test/deliveries/admin-api.test.ts',
  ),
  guard(
    'read-only',
    'plugins/admin-guard.ts',
    'return readOnly ?',
    'return readOnly && request.url === "" ?',
    ADMIN,
  ),
  guard(
    'audit line',
    'plugins/admin-guard.ts',
    '!admitted.has(request) || !isChange(request)',
    'admitted',
    ADMIN,
  ),
  guard(
    'closed in production',
    'plugins/admin-guard.ts',
    'if (production || !isLocal(request))',
    'if (!isLocal(request))',
    ADMIN,
  ),
  guard(
    'this machine only',
    'plugins/admin-guard.ts',
    'if (production || !isLocal(request))',
    'if (production)',
    'test/routes/admin-guard.test.ts',
  ),
  guard(
    'security headers',
    'plugins/admin-guard.ts',
    'reply.headers(SECURITY_HEADERS);',
    '',
    'test/routes/admin-guard.test.ts',
  ),
  guard(
    'size of a change',
    'plugins/admin-guard.ts',
    'route.bodyLimit ??= BODY_LIMIT',
    'route.bodyLimit ??= 9 * BODY_LIMIT',
    ADMIN,
  ),
];

const secrets: Guard[] = [
  guard(
    'credentials on the dashboard',
    'lib/redact.ts',
    'isCredentialName(name) ? MASK : redact(item, depth + 1)',
    'redact(item, depth + 1)',
    'test/routes/dashboard.test.ts',
    'test/unit/redact.test.ts',
  ),
  guard(
    'secrets in complaints about settings',
    'lib/settings/settings.ts',
    'if (secret) return',
    'if (!secret) return',
    'test/unit/settings-secrets.test.ts',
  ),
  guard(
    'addresses in failed fetches',
    'lib/fetch.ts',
    '`${target.origin} could not be reached',
    '`${target.href} could not be reached',
    'test/jwt/fetch.test.ts',
  ),
];

export const guards: Guard[] = [...jwt, ...fetching, ...sns, ...hmac, ...http, ...admin, ...secrets];
