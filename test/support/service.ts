/** A Hookline inside the test's own process. */
import type { Test } from 'tap';
import { pino, type Logger } from 'pino';
import { loadSources } from '../../lib/load-sources.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { startService, type Service } from '../../service.js';
import { temporaryFolder, type TestStore } from './store.js';

export interface TestService extends Service {
  address: string;
  /** Every line logged so far, as parsed JSON. */
  lines: Array<Record<string, unknown>>;
}

/** Starts a service on any free port; it ends with the test. */
export async function startTestService(
  t: Test,
  store: TestStore,
  environment: Record<string, string> = {},
): Promise<TestService> {
  const definitions = await loadSources();
  const settings = parseSettings(
    {
      PORT: '0',
      REDIS_URL: store.url,
      QUEUE_PREFIX: store.prefix,
      DATA_DIR: await temporaryFolder(t),
      SHUTDOWN_TIMEOUT: '5s',
      LOG_LEVEL: 'debug',
      ...environment,
    },
    definitions,
  );
  const lines: TestService['lines'] = [];
  const logger: Logger = pino(
    { level: settings.LOG_LEVEL, base: {} },
    {
      write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    },
  );
  const service = await startService({ settings, definitions, logger });
  t.teardown(() => service.close());
  return { ...service, address: service.address ?? '', lines };
}
