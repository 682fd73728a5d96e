/** Takes the markers out of the types-only test and sees that tsc refuses exactly the lines that bore one. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { BARE_NODE, ENV } from '../support/bare-node.js';

const SOURCE = 'test/types/define-handler.ts';
const MARKER = '// @ts-expect-error';

/** The lines on which tsc finds errors, with the errors; compiled beside the original, with the project's settings. */
async function errorsOf(t: Test, text: string): Promise<Map<number, string>> {
  const folder = await mkdtemp('test/types/.markers-');
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'marked.ts'), text.replaceAll("'../../index.js'", "'../../../index.js'"));
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../../tsconfig.json', include: ['marked.ts'], exclude: [] }),
  );
  // Without the loader that tap gives to every child process: tsc does not start with it.
  const bare = [...BARE_NODE, 'node_modules/typescript/bin/tsc'];
  const tsc = spawnSync(ENV, [...bare, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  const errors = new Map<number, string>();
  for (const line of tsc.stdout.split('\n')) {
    const [, file, at, message] = /^(\S+?)\((\d+),\d+\): (.*)/.exec(line) ?? [];
    if (!message) continue;
    if (!file?.endsWith('marked.ts')) throw new Error(`an error elsewhere: ${line}`);
    errors.set(Number(at), message);
  }
  const said = `${tsc.stdout}${tsc.stderr}`;
  if ((tsc.status === 0) !== (errors.size === 0)) throw new Error(`tsc ended with ${tsc.status}: ${said}`);
  return errors;
}

void t.test('tsc refuses each marked line and no other', { timeout: 110_000 }, async (t) => {
  const text = await readFile(SOURCE, 'utf8');
  const lines = text.split('\n');
  const marked = lines.flatMap((line, index) => (line.trim().startsWith(MARKER) ? [index + 2] : []));
  t.ok(marked.length > 20, `${marked.length} lines are marked`);
  t.same(await errorsOf(t, text), new Map(), 'with their markers, all is well');

  const bare = await errorsOf(t, text.replaceAll(MARKER, '//'));
  t.same([...bare.keys()], marked, 'without them, exactly those lines are refused');
  for (const [line, message] of bare) t.comment(`${line}: ${lines[line - 1]?.trim()} → ${message}`);

  // One at a time, so that no error hides another.
  for (const line of marked) {
    const without = lines.map((each, index) => (index === line - 2 ? '//' : each)).join('\n');
    t.same([...(await errorsOf(t, without)).keys()], [line], `line ${line} alone`);
  }
});
