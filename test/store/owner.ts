// A process that opens a store, says so in one line of JSON, and closes it when its standard input ends; anything
// that comes there makes it leave at once, without closing.
import { once } from 'node:events';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';

const [, , dataDir = '', kind = 'auto'] = process.argv;
const store = await openEmbeddedStore({ dataDir, log: silentLog, kind: kind as 'auto' | 'redis' | 'wasm' });
process.emitWarning('a warning of its own');
console.log(JSON.stringify({ url: store.url, kind: store.kind }));
process.stdin.on('data', () => process.exit());
await once(process.stdin, 'end');
await store.close();
