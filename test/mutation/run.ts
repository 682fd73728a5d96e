/**
 * Takes one guard away at a time, in a copy of the tree, and shows which test turns red. A guard that none misses is
 * one that is not tested: the script ends with 1.
 *
 *   npm run test:guards [-- WORD]      only guards with WORD in their name
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Guard } from './guard.js';
import { guards } from './guards.js';

/** Milliseconds. A test that hangs for want of a guard has noticed. */
const LIMIT = 100_000;
const LEFT_OUT = new Set(['node_modules', '.git', '.tap', '.data', 'dist']);

const root = path.resolve('.');
const copy = await mkdtemp(path.join(os.tmpdir(), 'hookline-guards-'));
const wanted = guards.filter(({ name }) => name.includes(process.argv[2] ?? ''));
let unnoticed = 0;

try {
  await cp(root, copy, {
    recursive: true,
    filter: (source) => !LEFT_OUT.has(path.relative(root, source).split(path.sep)[0] ?? ''),
  });
  await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  // The page of /admin, which the sources serve as it was built last.
  await cp(path.join(root, 'dist/admin'), path.join(copy, 'dist/admin'), { recursive: true });
  await checkAllGreen();
  for (const guard of wanted) await without(guard);
  console.log(`${wanted.length} guards, ${wanted.length - unnoticed} of them noticed when they are gone`);
} finally {
  await rm(copy, { recursive: true, force: true });
}
process.exitCode = unnoticed === 0 ? 0 : 1;

/** With all guards in place every test is green, or red would mean nothing. */
async function checkAllGreen(): Promise<void> {
  const files = new Set(wanted.flatMap(({ tests }) => tests));
  for (const test of files) {
    const red = await run(test);
    if (red !== undefined) throw new Error(`${test} is red with every guard in place: ${red}`);
  }
  console.log(`with every guard in place ${files.size} test files are green`);
}

async function without({ name, changes, tests }: Guard): Promise<void> {
  const before = new Map<string, string>();
  for (const { file, from, to } of changes) {
    const text = await readFile(path.join(copy, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${name}: ${file} has to hold this once: ${from}`);
    if (!before.has(file)) before.set(file, text);
    await writeFile(
      path.join(copy, file),
      text.replace(from, () => to),
    );
  }
  let noticed: string | undefined;
  for (const test of tests) {
    const red = await run(test);
    if (red === undefined) continue;
    noticed = `${test}: ${red}`;
    break;
  }
  if (noticed === undefined) unnoticed += 1;
  console.log(
    `${noticed === undefined ? 'MISSED ' : 'noticed'}  ${name.padEnd(58)} ${noticed ?? tests.join(' ')}`,
  );
  for (const [file, text] of before) await writeFile(path.join(copy, file), text);
}

/** Runs one test file of the copy. Answers what is red, in its own words, or `undefined` when nothing is. */
async function run(test: string): Promise<string | undefined> {
  const child = spawn(process.execPath, ['--import', 'tsx', test], {
    cwd: copy,
    // Seconds: some tests wait for time limits.
    env: { ...process.env, TAP_TIMEOUT: '90' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return undefined;
  // The innermost one that failed: the outer ones only say that something inside did.
  const red = /^\s*not ok \d+(?: - (.*))?$/m.exec(output)?.[1];
  return red ?? (code === null ? 'it hangs' : `it does not run: ${errors.slice(0, 300)}`);
}
