import { readFileSync } from 'node:fs';

/** Bytes. Secrets are short; a path that names something else should not be read whole. */
const MAX_BYTES = 64 * 1024;

export interface FromFiles {
  /** The environment with what the files hold. */
  values: Record<string, string | undefined>;
  /** Path by variable: `ADMIN_PASSWORD` → what `ADMIN_PASSWORD_FILE` says. */
  files: Map<string, string>;
  /** `[variable, what was expected]` */
  problems: Array<[variable: string, problem: string]>;
}

/**
 * Settings may come from files, as Docker and Kubernetes mount secrets: `X_FILE` names the file with the value of
 * `X`, for any setting `X`. A line break at its end is dropped. Never throws: what is wrong is among the problems.
 */
export function readFiles(
  environment: Record<string, string | undefined>,
  known: Iterable<string>,
): FromFiles {
  const values = { ...environment };
  const files: FromFiles['files'] = new Map();
  const problems: FromFiles['problems'] = [];
  for (const variable of known) {
    const path = environment[`${variable}_FILE`]?.trim();
    if (!path) continue;
    files.set(variable, path);
    if (environment[variable]?.trim()) {
      problems.push([`${variable}_FILE`, `expected only one of ${variable} and ${variable}_FILE to be set`]);
      continue;
    }
    const text = readText(path);
    if (text === undefined) {
      problems.push([
        `${variable}_FILE`,
        `expected a readable file of at most ${MAX_BYTES} bytes that is not empty`,
      ]);
    } else values[variable] = text;
  }
  return { values, files, problems };
}

function readText(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    const text = bytes.toString('utf8').replace(/[\r\n]+$/, '');
    return bytes.length > MAX_BYTES || text.trim() === '' ? undefined : text;
  } catch {
    return undefined;
  }
}
