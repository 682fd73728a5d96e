/** Puts a secret into an env file (`.env`) such as docker compose and `node --env-file` read. */
import { chmod, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../command.js';

/** A change that is on disk already, under another name, and only has to be put in place. */
export interface StagedEnv {
  /** How many other values the variable keeps. */
  others: number;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * The text with one more value for a variable: beside those that are there (comma-separated), since the endpoints
 * that use them go on sending.
 */
export function addValue(text: string, name: string, value: string): { text: string; others: number } {
  const line = new RegExp(`^([ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=)[ \\t]*(.*?)[ \\t]*$`, 'gm');
  const last = [...text.matchAll(line)].at(-1);
  if (!last) {
    const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return { text: `${start}${name}=${value}\n`, others: 0 };
  }
  const [whole, start = '', raw = ''] = last;
  const { quote, content, rest } = readValue(raw);
  const values = content.split(',').filter((part) => part.trim() !== '');
  const others = values.filter((part) => part.trim() !== value).length;
  const joined = values.some((part) => part.trim() === value) ? values : [...values, value];
  const replaced = `${start}${quote}${joined.join(',')}${quote}${rest}`;
  return { text: text.slice(0, last.index) + replaced + text.slice(last.index + whole.length), others };
}

/** A value as env files write it: in quotes, or up to a comment. `rest` is what follows. */
function readValue(raw: string): { quote: string; content: string; rest: string } {
  const quoted = /^(["'])(.*?)\1(.*)$/.exec(raw);
  if (quoted) return { quote: quoted[1] ?? '', content: quoted[2] ?? '', rest: quoted[3] ?? '' };
  const comment = /(?:^|\s)#.*$/.exec(raw);
  const content = comment ? raw.slice(0, comment.index) : raw;
  return { quote: '', content, rest: raw.slice(content.length) };
}

/**
 * Writes the changed file beside the old one, readable by its owner only where it is new, and hands back how to put
 * it in place: what cannot be written is found out before the secret is sent anywhere.
 * @throws {CommandError}
 */
export async function stageEnv(file: string, name: string, value: string): Promise<StagedEnv> {
  const target = path.resolve(file);
  const staged = `${target}.${process.pid}.tmp`;
  try {
    const before = await readFile(target, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const mode = before === undefined ? 0o600 : (await stat(target)).mode & 0o777;
    const { text, others } = addValue(before ?? '', name, value);
    const handle = await open(staged, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(staged, mode);
    return {
      others,
      commit: () => rename(staged, target),
      discard: () => rm(staged, { force: true }),
    };
  } catch (error) {
    await rm(staged, { force: true });
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new CommandError(`${file} cannot be written (${reason}). Nothing was sent to the provider.`);
  }
}
