/** Whoever reads the log may be slow, or hang: what waits for it is bounded, and what is dropped is counted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import path from 'node:path';
import t from 'tap';
import { BARE_NODE, ENV } from '../support/bare-node.js';

const LINES = 100_000;
const TALKER = `
  import { createLogger } from ${JSON.stringify(path.resolve('dist/lib/logger.js'))};
  const log = createLogger('info');
  for (let n = 0; n < ${LINES}; n += 1) {
    log.info({ n, fill: 'x'.repeat(400) }, 'line');
    if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  process.stderr.write('said');
`;

void t.test('nobody reads for a while', async (t) => {
  const child = spawn(ENV, [...BARE_NODE, '--input-type=module', '--eval', TALKER], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const [said] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string];
  t.equal(said, 'said', 'it goes on all the same');

  let read = 0;
  let dropped = 0;
  for await (const line of createInterface(child.stdout)) {
    const { msg, lines } = JSON.parse(line) as { msg: string; lines: number };
    if (msg === 'line') read += 1;
    else dropped += lines;
  }
  t.equal(read + dropped, LINES, `${read} were read, and ${dropped} are told of`);
  const bytes = read * 450;
  t.ok(bytes > 7 * 1024 ** 2 && bytes < 10 * 1024 ** 2, 'what waited was bounded');
  t.same(await exited, [0, null]);
});
