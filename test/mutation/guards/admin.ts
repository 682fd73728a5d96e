/** /admin, and secrets. */
import { guard, type Guard } from '../guard.js';

const ADMIN = 'test/hostile/admin.test.ts';

const changes: Guard[] = [
  guard(
    'guesses of a password',
    'plugins/admin-guard.ts',
    'guesses.count(address) >= MAX_GUESSES',
    'guesses.count(address) < 0',
    ADMIN,
  ),
  guard(
    'guesses from more addresses than are counted',
    'lib/limits/shared-counter.ts',
    'counts.size < MAX_KEYS ? key : OTHERS',
    'counts.size < MAX_KEYS ? key : key + Math.random()',
    'test/unit/shared-counter.test.ts',
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
    'isMasked(name, masked) ? MASK : redact(item, masked, depth + 1)',
    'redact(item, masked, depth + 1)',
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

export const admin: Guard[] = [...changes, ...secrets];
