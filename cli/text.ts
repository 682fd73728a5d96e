/** Text for a terminal. What came from outside may not steer it. */

// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
// oxlint-disable-next-line no-control-regex
const CONTROLS_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One line without control characters. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(CONTROLS, ' ');
}

/** Lines without other control characters. */
export function printableLines(text: string): string {
  return text.replace(CONTROLS_BUT_NEWLINE, ' ');
}

export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number.toLocaleString('en-GB')} ${number === 1 ? singular : plural}`;
}

/** Columns as wide as their widest cell; the last one is cut at the terminal's edge. */
export function table(
  header: string[],
  rows: unknown[][],
  width = process.stdout.columns ?? Infinity,
): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => printable(cell ?? '')))];
  const widths = header.map((_name, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line))
    .join('\n');
}
