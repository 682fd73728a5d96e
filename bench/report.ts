import type { Cell, Table } from './section.js';

/** A table for a terminal. Figures that were measured several times show their median and, in brackets, their range. */
export function print(name: string, { columns, rows }: Table): void {
  console.log(`\n${name}`);
  console.table(
    rows.map((row) =>
      Object.fromEntries(Object.entries(columns).map(([key, heading]) => [heading, show(row[key])])),
    ),
  );
}

function show(cell: Cell | undefined): string | number {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return digits(cell);
  return `${digits(cell.median)} (${digits(cell.min)}–${digits(cell.max)})`;
}

/** Three digits that count. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 3;
  return value.toFixed(places);
}
