/** What a message about a wrong setting must not give away: logs of a failed start are read by many. */
import t from 'tap';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';

const definitions = await loadSources();

function message(environment: Record<string, string>): string {
  try {
    parseSettings(environment, definitions);
    return 'nothing is wrong';
  } catch (error) {
    return (error as Error).message;
  }
}

void t.test('secrets are masked', async (t) => {
  const cases: Array<Record<string, string>> = [
    { PETSTORE_WEBHOOK_SECRET: 'hunter2' },
    { PETSTORE_WEBHOOK_SECRET: 'hunter2,long enough a secret' },
    { ADMIN_USER: 'admin', ADMIN_PASSWORD: 'hunter2' },
    { ADMIN_PASSWORD: 'hunter2-hunter2' },
    { PCE_BASIC_PASSWORD: 'hunter2-hunter2' },
    { PCE_BASIC_USER: 'hunter2:hunter2', PCE_BASIC_PASSWORD: 'hunter2' },
    { PETSTORE_API_TOKEN: 'hunter2', PORT: 'x' },
  ];
  for (const environment of cases) {
    const given = message(environment);
    t.match(given, /^Settings are wrong/, JSON.stringify(environment));
    t.notMatch(given, /hunter2/, JSON.stringify(environment));
  }
});

void t.test('so are passwords inside addresses, however they are mistyped', async (t) => {
  const cases: Array<Record<string, string>> = [
    { REDIS_URL: 'http://default:hunter2@redis:6379' },
    { REDIS_URL: 'redis//default:hunter2@redis:6379' },
    { REDIS_URL: 'redis:/default:hunter2@redis:6379' },
    { REDIS_URL: 'redis:default:hunter2@redis:6379' },
    { REDIS_URL: 'default:hunter2@redis:6379' },
    { REDIS_URL: ':hunter2@redis:6379' },
    { REDIS_URL: 'redis://default:hunter2/x@redis:6379' },
    { REDIS_URL: 'redis://default:a@hunter2@redis:port' },
    { REDIS_URL: 'redis://default:x/hunter2@redis:port' },
    { REDIS_URL: 'redis:///?password=hunter2' },
    { PITCHPOINT_ISSUER: 'https://user:hunter2@issuer.example', PITCHPOINT_AUDIENCE: 'acme' },
    { PCE_TRUSTED_ORIGINS: 'https://user:hunter2@sns.example' },
    { PCE_TRUSTED_ORIGINS: 'https://a:b@sns.example,https://user:hunter2@sns.example' },
  ];
  for (const environment of cases) {
    const given = message(environment);
    t.match(given, /^Settings are wrong/, JSON.stringify(environment));
    t.notMatch(given, /hunter2/, JSON.stringify(environment));
  }
});

void t.test('a long value is cut', async (t) => {
  t.ok(message({ ROLE: 'x'.repeat(100_000) }).length < 1_000);
});

void t.test('how long a secret is may be told, to find a cut one', async (t) => {
  t.match(message({ PETSTORE_WEBHOOK_SECRET: 'hunter2' }), /PETSTORE_WEBHOOK_SECRET: .*7 characters/);
});
