import t from 'tap';
import { fromIso, parseTimestamp, toIso } from '../../lib/time.js';

void t.test('what providers write', async (t) => {
  const cases: Array<[text: string, iso: string]> = [
    ['2024-01-1T10:00:00.7777748Z', '2024-01-01T10:00:00.777Z'],
    ['2025-01-06T14:32:07.4185213Z', '2025-01-06T14:32:07.418Z'],
    ['2025-01-06T12:00:00Z', '2025-01-06T12:00:00.000Z'],
    ['2025-01-06T16:20:11.284Z', '2025-01-06T16:20:11.284Z'],
    ['2025-01-06T16:20:11.9Z', '2025-01-06T16:20:11.900Z'],
    ['2025-01-06T16:20:11.9999999Z', '2025-01-06T16:20:11.999Z'],
    ['2025-1-6T6:20:11Z', '2025-01-06T06:20:11.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T23:59:59z', '2000-02-29T23:59:59.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2025-01-06', '2025-01-06T00:00:00.000Z'],
    ['  2025-01-06T12:00:00Z  ', '2025-01-06T12:00:00.000Z'],
  ];
  for (const [text, iso] of cases) t.equal(parseTimestamp(text), Date.parse(iso), text);
});

void t.test('offsets', async (t) => {
  const cases: Array<[text: string, iso: string]> = [
    ['2025-01-06T12:00:00+00:00', '2025-01-06T12:00:00.000Z'],
    ['2025-01-06T12:00:00+02:00', '2025-01-06T10:00:00.000Z'],
    ['2025-01-06T12:00:00+0530', '2025-01-06T06:30:00.000Z'],
    ['2025-01-06T12:00:00-03:30', '2025-01-06T15:30:00.000Z'],
    ['2025-01-01T00:00:00+14:00', '2024-12-31T10:00:00.000Z'],
    ['2024-12-31T23:30:00-01:00', '2025-01-01T00:30:00.000Z'],
    ['2025-01-06T12:00:00', '2025-01-06T12:00:00.000Z'],
  ];
  for (const [text, iso] of cases) t.equal(parseTimestamp(text), Date.parse(iso), text);
});

void t.test('what Date writes is read as Date reads it', async (t) => {
  // Steps of a prime number of milliseconds over two centuries: every month, leap years, odd times.
  for (let time = Date.UTC(1900, 0, 1); time < Date.UTC(2100, 0, 1); time += 4_000_000_007) {
    const text = new Date(time).toISOString();
    if (parseTimestamp(text) !== time) t.fail(text);
  }
  t.pass();
});

void t.test('what is no time', async (t) => {
  const texts = [
    '',
    ' ',
    'Z',
    'today',
    'null',
    '1736164811',
    '1736164811284',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-02-30T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-01-32T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60:00Z',
    '2024-01-01T10:00:61Z',
    '2024-01-01T10:00:00+24:00',
    '2024-01-01T10:00:00+00:60',
    '2024-01-01T10:00:00+2',
    '2024-01-01T10:00:00.Z',
    '2024-01-01T10Z',
    '24-01-01T10:00:00Z',
    '02024-01-01T10:00:00Z',
    '-2024-01-01T10:00:00Z',
    '2024/01/01 10:00:00',
    '01.02.2024',
    'Mon, 06 Jan 2025 12:00:00 GMT',
    '2024-01-01T10:00:00ZZ',
    '2024-01-01T10:00:00Z2024-01-01T10:00:00Z',
    '٢٠٢٤-01-01T10:00:00Z',
    `2024-01-01T10:00:00.${'7'.repeat(10)}Z`,
    `2024-01-01T10:00:00${' '.repeat(100_000)}Z`,
    '9'.repeat(1_000_000),
  ];
  for (const text of texts) t.equal(parseTimestamp(text), null, JSON.stringify(text.slice(0, 40)));
});

void t.test('a time that was written is read back, and one that was not', async (t) => {
  const at = 1_790_000_000_123;
  for (const time of [at, at, at + 1, at, 0]) {
    t.equal(toIso(time), new Date(time).toISOString());
    t.equal(fromIso(toIso(time)), time);
  }
  t.equal(fromIso('2026-01-01T00:00:00.000Z'), Date.UTC(2026));
  t.ok(Number.isNaN(fromIso('')), 'no time at all');
});
