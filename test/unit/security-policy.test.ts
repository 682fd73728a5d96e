/** SECURITY.md names tests: each of them has to exist, in the file that it says. */
import { readFile } from 'node:fs/promises';
import t from 'tap';

const policy = await readFile('SECURITY.md', 'utf8');
/** `[name of a test](test/file.test.ts)` */
const named = [...policy.matchAll(/\[([^\]]+)\]\((test\/[^)]+)\)/g)].map(([, name = '', file = '']) => ({
  name,
  file,
}));

void t.test('every test in the table of threats exists', async (t) => {
  t.ok(named.length > 60, `${named.length} tests are named`);
  for (const { name, file } of named) {
    const text = await readFile(file, 'utf8').catch(() => '');
    // As it stands in the source: a quote is escaped, a template holds more than the name.
    t.ok(text.includes(name), `${file}: ${name}`);
  }
});

void t.test('every threat has what stops it, and a test', async (t) => {
  const rows = policy.split('\n').filter((line) => /^\| (?!-|who\b)/.test(line));
  t.ok(rows.length > 40, `${rows.length} rows`);
  for (const row of rows) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    t.equal(cells.length, 4, row);
    t.ok(
      cells.every((cell) => cell !== ''),
      row,
    );
    t.match(cells[3], /\]\(test\//, row);
  }
});
