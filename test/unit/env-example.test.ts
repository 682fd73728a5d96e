/** .env.example offers settings; docker-compose.yml has to pass each of them on, or setting one does nothing. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { loadSources } from '../../lib/load-sources.js';
import { baseShape } from '../../lib/settings/schema.js';
import { sourceLimits } from '../../lib/settings/source-limits.js';

const offered = [...(await readFile('.env.example', 'utf8')).matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(
  ([, name]) => String(name),
);
const compose = await readFile('docker-compose.yml', 'utf8');

void t.test('what is offered is passed on', async (t) => {
  t.ok(offered.length > 30, `${offered.length} of them`);
  for (const name of offered) t.ok(compose.includes(`\${${name}:-`), name);
});

void t.test('what limits strangers is offered', async (t) => {
  const sources = await loadSources();
  const rates = sources.map(({ name }) =>
    Object.keys(sourceLimits(name)).find((key) => key.endsWith('_RATE_LIMIT')),
  );
  const limits = [
    'BODY_LIMIT',
    'BODY_MEMORY',
    'MAX_CONNECTIONS',
    'MAX_CONNECTIONS_PER_ADDRESS',
    'TRUST_PROXY',
  ];
  const others = ['REFUSAL_LIMIT', 'ADMIN_READONLY'];
  for (const name of [...limits, ...others]) {
    t.ok(name in baseShape, `${name} is a setting`);
    t.ok(offered.includes(name), name);
  }
  t.equal(rates.length, 3);
  for (const name of rates) t.ok(offered.includes(String(name)), String(name));
  t.ok(
    offered.some((name) => name.endsWith('_FILE')),
    'secrets from files',
  );
});
