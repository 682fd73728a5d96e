/** Takes the markers out of the types-only test and sees that tsc refuses exactly the lines that bore one. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { BARE_NODE, ENV } from '../support/bare-node.js';

const SOURCE = 'test/types/define-handler.ts';
const MARKER = '// @ts-expect-error';

type Errors = Map<number, string>;

/**
 * For each text the lines on which tsc finds errors, with the errors: all compiled in one run, beside the original and
 * with the project's settings.
 */
async function errorsOf(t: Test, texts: string[]): Promise<Errors[]> {
  const folder = await mkdtemp('test/types/.markers-');
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [index, text] of texts.entries()) {
    const placed = text.replaceAll("'../../index.js'", "'../../../index.js'");
    await writeFile(path.join(folder, `marked-${index}.ts`), placed);
  }
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../../tsconfig.json', include: ['marked-*.ts'], exclude: [] }),
  );
  // Without the loader that tap gives to every child process: tsc does not start with it.
  const bare = [...BARE_NODE, 'node_modules/typescript/bin/tsc'];
  const tsc = spawnSync(ENV, [...bare, '-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
  const errors = texts.map((): Errors => new Map());
  for (const line of tsc.stdout.split('\n')) {
    const [, index, at, message] = /^\S*?marked-(\d+)\.ts\((\d+),\d+\): (.*)/.exec(line) ?? [];
    if (message) errors[Number(index)]?.set(Number(at), message);
    else if (/^\S/.test(line)) throw new Error(`an error elsewhere: ${line}`);
  }
  const none = errors.every(({ size }) => size === 0);
  if ((tsc.status === 0) !== none)
    throw new Error(`tsc ended with ${tsc.status}: ${tsc.stdout}${tsc.stderr}`);
  return errors;
}

void t.test('tsc refuses each marked line and no other', { timeout: 110_000 }, async (t) => {
  const text = await readFile(SOURCE, 'utf8');
  const lines = text.split('\n');
  const marked = lines.flatMap((line, index) => (line.trim().startsWith(MARKER) ? [index + 2] : []));
  t.ok(marked.length > 20, `${marked.length} lines are marked`);
  // One at a time too, so that no error hides another.
  const withoutOne = marked.map((line) =>
    lines.map((each, index) => (index === line - 2 ? '//' : each)).join('\n'),
  );
  const [all, none, ...each] = await errorsOf(t, [text, text.replaceAll(MARKER, '//'), ...withoutOne]);
  t.same(all, new Map(), 'with their markers, all is well');
  t.same([...(none?.keys() ?? [])], marked, 'without them, exactly those lines are refused');
  for (const [line, message] of none ?? []) t.comment(`${line}: ${lines[line - 1]?.trim()} → ${message}`);
  for (const [index, line] of marked.entries())
    t.same([...(each[index]?.keys() ?? [])], [line], `line ${line} alone`);
});
