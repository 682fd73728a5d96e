/** Control: Hookline itself, which counts nothing, logs nothing and traces nothing. */
import { pino } from 'pino';
import { loadSources } from '../../lib/load-sources.js';
import { Metrics } from '../../lib/metrics.js';
import { environment } from '../../lib/settings/environment.js';
import { parseSettings } from '../../lib/settings/settings.js';
import { startService } from '../../service.js';
import { told } from './listen.js';

const definitions = await loadSources();
const metrics = new Metrics();
for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Metrics.prototype))) {
  if (typeof value === 'function' && name !== 'constructor')
    Object.defineProperty(metrics, name, { value: () => {} });
}
const { address = '' } = await startService({
  settings: parseSettings({ ...environment, PORT: '0', ROLE: 'receiver' }, definitions),
  definitions,
  logger: pino({ level: 'silent' }),
  metrics,
});
told(Number(new URL(address).port));
