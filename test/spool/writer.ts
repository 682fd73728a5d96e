// A process that spools: `up`, then each line of its input as soon as it is on the disk.
import { createInterface } from 'node:readline';
import { silentLog } from '../../lib/log.js';
import { Spool } from '../../lib/spool/spool.js';
import { spooled } from './support.js';

const [, , dataDir = ''] = process.argv;
const spool = await Spool.open({
  dataDir,
  prefix: 'test',
  max: 1024 ** 3,
  writeTimeout: 60_000,
  log: silentLog,
});
console.log('up');
createInterface({ input: process.stdin }).on('line', (id) => {
  spool.append(spooled(id)).then(
    () => console.log(id),
    () => {},
  );
});
