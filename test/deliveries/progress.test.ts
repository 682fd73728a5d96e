/** What is drawn while many are replayed. */
import t from 'tap';
import { ProgressBar } from '../../cli/progress.js';
import { count, printable, table } from '../../cli/text.js';
import { rateSchema } from '../../lib/deliveries/schema.js';
import { describeFilter } from '../../lib/deliveries/operations.js';

function screen(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  return {
    isTTY,
    ...(columns !== undefined && { columns }),
    written,
    write: (text: string) => written.push(text),
  };
}

void t.test('a terminal: one line, drawn over', async (t) => {
  const terminal = screen(true, 120);
  const bar = new ProgressBar(terminal, 4_000);
  bar.update({ done: 1_000, skipped: 0 });
  for (let done = 1_001; done < 1_100; done += 1) bar.update({ done, skipped: 2 });
  bar.end();
  t.ok(terminal.written.length <= 4, 'not at every step');
  t.match(terminal.written[0], /^\r.\[K\[#{6}-{18}\] {2}25% {2}1,000 of 4,000 {2}1000\/s {2}3 s left$/);
  t.match(terminal.written.at(-2), /27% {2}1,099 of 4,000 {2}\d+\/s {2}2 skipped/);
  t.equal(terminal.written.at(-1), '\n');
});

void t.test('elsewhere: lines now and then', async (t) => {
  const file = screen(false);
  const bar = new ProgressBar(file, null, { before: 500 });
  for (let done = 501; done <= 600; done += 1) bar.update({ done, skipped: 0 });
  bar.end();
  t.same(file.written.at(-1), '600 deliveries  100/s\n');
  // oxlint-disable-next-line no-control-regex
  t.notMatch(file.written.join(''), /[\r\u001b]/);
  const [labelled, unseen] = [screen(false), screen(false)];
  for (const bar of [
    new ProgressBar(labelled, 2, { label: 'petstore: delivered' }),
    new ProgressBar(unseen, 2, { terminalOnly: true }),
  ]) {
    bar.update({ done: 1, note: 'BLOCKED' });
    bar.end();
  }
  const head = /^petstore: delivered {2}\[#{12}-{12}\] {2}50% .* {2}BLOCKED {2}\d+ s left\n$/;
  t.match(labelled.written.at(-1), head);
  t.same(unseen.written, [], 'a bar for terminals only writes nothing elsewhere');
  const silent = screen(false);
  new ProgressBar(silent, 5).end();
  t.same(silent.written, [], 'nothing was begun, so nothing is drawn');
});

void t.test('it fits a narrow terminal', async (t) => {
  for (const columns of [0, 20, 200]) {
    const terminal = screen(true, columns);
    const bar = new ProgressBar(terminal, 10);
    bar.update({ done: 10, skipped: 3 });
    const width = (terminal.written[0] ?? '').length - '\r\u001b[K'.length;
    t.ok(width < (columns || 80), `${width} of ${columns}`);
    t.match(terminal.written[0], '[####');
  }
});

void t.test('rates', async (t) => {
  for (const [text, rate] of [
    ['200/s', 200],
    ['200', 200],
    ['30/m', 0.5],
    ['1/m', 1 / 60],
    [' 10000/s ', 10_000],
  ] as const) {
    t.equal(rateSchema.parse(text), rate, text);
  }
  for (const text of ['', '0', '0/s', '10001/s', '5/h', '-1', '1.5/s', 'fast', '1/s/s']) {
    t.equal(rateSchema.safeParse(text).success, false, text);
  }
});

void t.test('words', async (t) => {
  t.equal(count(1, 'delivery', 'deliveries'), '1 delivery');
  t.equal(count(4_000, 'delivery', 'deliveries'), '4,000 deliveries');
  t.equal(printable('a\u001b[2J\r\n\u0085b\u2028c'), 'a [2J b c');
  t.equal(printable({ a: '\u0007' }), '{"a":"\\u0007"}');
  t.equal(
    table(
      ['A', 'B'],
      [
        ['long', 1],
        [null, 'x'.repeat(30)],
      ],
      16,
    ),
    `A     B\nlong  1\n      ${'x'.repeat(9)}…`,
  );
  t.equal(describeFilter({}), 'all that failed');
  t.equal(describeFilter({ topic: 'a/*', since: 0 }), 'topic=a/* since=1970-01-01T00:00:00.000Z');
});
