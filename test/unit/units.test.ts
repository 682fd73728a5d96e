import t from 'tap';
import { parseDuration, parseSize } from '../../lib/settings/units.js';

void t.test('durations', async (t) => {
  const cases: Array<[text: string, milliseconds: number | undefined]> = [
    ['0', 0],
    ['1500', 1_500],
    ['250ms', 250],
    ['20s', 20_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['3d', 259_200_000],
    ['0.25s', 250],
    ['2 s', 2_000],
    [' 2S ', 2_000],
    ['2H', 7_200_000],
    ['0.0004s', 0],
    ['', undefined],
    [' ', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['+1s', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['1.s', undefined],
    ['.5s', undefined],
    ['1,5s', undefined],
    ['1w', undefined],
    ['1mb', undefined],
    ['1h30m', undefined],
    ['1s 2s', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['١s', undefined],
    ['9'.repeat(16), undefined],
    ['9'.repeat(100_000), undefined],
  ];
  for (const [text, expected] of cases) t.equal(parseDuration(text), expected, text.slice(0, 30));
});

void t.test('sizes', async (t) => {
  const cases: Array<[text: string, bytes: number | undefined]> = [
    ['0', 0],
    ['1024', 1_024],
    ['64b', 64],
    ['64kb', 65_536],
    ['10mb', 10_485_760],
    ['10MB', 10_485_760],
    ['1.5 gb', 1_610_612_736],
    ['1k', undefined],
    ['1m', undefined],
    ['1kib', undefined],
    ['1s', undefined],
    ['-1kb', undefined],
    ['kb', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) t.equal(parseSize(text), expected, text);
});

void t.test('names that every object has are no units', async (t) => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    t.equal(parseDuration(`1${name}`), undefined);
    t.equal(parseSize(`1 ${name}`), undefined);
  }
});
