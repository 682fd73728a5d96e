/** Where an endpoint's secret comes from, and where it goes: settled before it is sent, as it cannot be read back. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text as readAll } from 'node:stream/consumers';
import { CommandError } from '../command.js';
import { stageEnv, type StagedEnv } from './env-file.js';

export const SECRET_VARIABLE = 'PETSTORE_WEBHOOK_SECRET';
/** As the source's setting has it. */
const MIN_LENGTH = 8;

export interface SecretOptions {
  secretFile?: string;
  saveSecret?: string;
  printSecret?: boolean;
}

export interface PlannedSecret {
  secret: string;
  print: boolean;
  /** Puts it where it goes, once the provider has it. @returns what to tell people */
  keep(): Promise<string>;
  /** The provider does not have it. */
  forget(): Promise<void>;
}

/**
 * A secret of 32 random bytes, or the one given in a file. Goes into an env file, or is printed.
 * @throws {CommandError} where it would go nowhere, or cannot
 */
export async function planSecret(options: SecretOptions): Promise<PlannedSecret> {
  const given = options.secretFile !== undefined;
  const secret = given ? await readSecret(options.secretFile ?? '') : newSecret();
  const print = options.printSecret === true;
  const file = options.saveSecret ?? (given || print ? undefined : await askForFile());
  const staged = file === undefined ? undefined : await stageEnv(file, SECRET_VARIABLE, secret);
  return {
    secret,
    print,
    async keep() {
      if (!staged || file === undefined) return given ? 'The secret is the one that was given.' : '';
      await commit(staged, file);
      const beside = staged.others > 0 ? `, beside ${staged.others} that was there` : '';
      return `The secret is in ${file} as ${SECRET_VARIABLE}${beside}. Restart the receiver with it now: until then what Petstore sends is refused, and tried again.`;
    },
    async forget() {
      await staged?.discard();
    },
  };
}

function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64url')}`;
}

async function commit(staged: StagedEnv, file: string): Promise<void> {
  await staged.commit().catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      `The endpoint has its secret, but ${file} could not be replaced (${error.code ?? error.message}). Give the endpoint a new one: hookline endpoints update <id> --new-secret.`,
    );
  });
}

async function readSecret(file: string): Promise<string> {
  const text = await (file === '-' ? readAll(process.stdin) : readFile(file, 'utf8')).catch(
    (error: NodeJS.ErrnoException) => {
      throw new CommandError(`The secret cannot be read from ${file} (${error.code ?? error.message}).`);
    },
  );
  // The line's end is the editor's; other white space would be lost in an env file, and then nothing verifies.
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== secret.trim() || /[\s,]/.test(secret) || secret.length < MIN_LENGTH) {
    throw new CommandError(
      `The secret in ${file === '-' ? 'standard input' : file} must have at least ${MIN_LENGTH} characters, none of them white space or a comma.`,
    );
  }
  return secret;
}

/** @throws {CommandError} where nobody can be asked */
async function askForFile(): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandError(
      'Say where the new secret goes: --save-secret .env writes it there, --print-secret prints it once.',
    );
  }
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await dialogue.question(`Write ${SECRET_VARIABLE} into which file? [.env] `);
    return answer.trim() || '.env';
  } finally {
    dialogue.close();
  }
}
