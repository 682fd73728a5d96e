/** What the commands for the providers' side share: `--json`, tables, exit codes. */
import { HooklineError } from '../lib/errors.js';
import { HandlersError } from '../lib/handler.js';
import { PetstoreApiError } from '../lib/petstore-api/errors.js';
import { SettingsError } from '../lib/settings/settings.js';
import { CommandError } from './command.js';

export interface JsonOption {
  json?: boolean;
}

/** Exit code for "something is not as it should be", where 1 means that it could not be found out. */
export const NOT_WELL = 2;

/**
 * Wraps a command's action: what people can mend is told in one sentence, and with `--json` as
 * `{"error":{"code","message","status"}}` on standard output besides.
 */
export function explained<Args extends unknown[]>(
  action: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      const mended = mendable(error);
      if (!mended) throw error;
      if (wantsJson(args)) {
        print({ error: { code: mended.code, message: mended.message, status: mended.status ?? null } });
      }
      throw new CommandError(mended.message);
    }
  };
}

function mendable(
  error: unknown,
): { code: string; message: string; status?: number | undefined } | undefined {
  if (error instanceof PetstoreApiError) return error;
  if (error instanceof HooklineError) return { code: error.code, message: error.message };
  if (error instanceof CommandError) return { code: 'command', message: error.message };
  if (error instanceof SettingsError) return { code: 'settings', message: error.message };
  if (error instanceof HandlersError) return { code: 'handlers', message: error.message };
  return undefined;
}

/** Commander hands over the options and the command last. */
function wantsJson(args: unknown[]): boolean {
  return args.some(
    (arg) => typeof arg === 'object' && arg !== null && 'json' in arg && (arg as JsonOption).json === true,
  );
}

/** Prints JSON. */
export function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/** Lines up columns. The last one is left as it is. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name   value` for each value that is there. */
export function sheet(fields: Record<string, unknown>): string {
  const entries = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...entries.map(([name]) => name.length)) + 2;
  return entries.map(([name, value]) => `${name.padEnd(width)}${String(value)}`).join('\n');
}

/** To people, beside what is printed for scripts. */
export function note(text: string): void {
  if (text !== '') process.stderr.write(`${text}\n`);
}
