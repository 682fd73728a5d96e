import { withDeadline } from '../deadline.js';

export type Level = 'ok' | 'warn' | 'error';

/** What one look found. */
export interface Finding {
  /** Stable, for scripts: `redis-eviction`. */
  name: string;
  level: Level;
  found: string;
  /** Why it matters, and what to do; empty where all is well. */
  why: string;
  todo: string;
}

/** One look at one thing: its findings, or none where it does not apply. */
export interface Check<Context> {
  name: string;
  run(context: Context): Promise<Finding[]>;
}

export function ok(name: string, found: string): Finding {
  return { name, level: 'ok', found, why: '', todo: '' };
}

export function warn(name: string, found: string, why: string, todo: string): Finding {
  return { name, level: 'warn', found, why, todo };
}

export function error(name: string, found: string, why: string, todo: string): Finding {
  return { name, level: 'error', found, why, todo };
}

/** Milliseconds for one check, whatever it waits for. */
const DEADLINE = 20_000;

/** Runs the checks one after the other, as they look at the same things; one that fails is a finding itself. */
export async function runChecks<Context>(
  checks: ReadonlyArray<Check<Context>>,
  context: Context,
  onFinding: (finding: Finding) => void = () => {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    const found = await withDeadline(check.run(context), DEADLINE).catch((cause: unknown) => [
      error(
        check.name,
        `could not be looked at: ${(cause as Error).message}`,
        'What cannot be looked at cannot be said to be well.',
        'Try again; if it stays so, look at this part by hand.',
      ),
    ]);
    for (const finding of found) onFinding(finding);
    findings.push(...found);
  }
  return findings;
}
