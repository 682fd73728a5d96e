import type { Project } from './project.js';

/** What the running containers of a service say they did. */
export interface Activity {
  /** Number of events handled by each container. */
  handled: Map<string, number>;
  /** Number of times that each event was handled, by `<source> <webhook id>`. */
  byEvent: Map<string, number>;
  /** How often a process began to stop, and how often it then stopped in order. */
  stops: { begun: number; orderly: number };
}

interface Line {
  msg?: string;
  source?: string;
  id?: string;
}

/** Reads the logs: one line `"msg":"handled"` for each attempt that ended well, two for a shutdown in order. */
export async function readActivity(project: Project, service: string): Promise<Activity> {
  const handled = new Map<string, number>();
  const byEvent = new Map<string, number>();
  const stops = { begun: 0, orderly: 0 };
  for (const container of await project.containers(service)) {
    handled.set(container, 0);
    for (const { msg, source, id } of parse(await project.logs(container))) {
      if (msg === 'shutting down') stops.begun++;
      if (msg === 'stopped') stops.orderly++;
      if (msg !== 'handled') continue;
      increment(handled, container);
      increment(byEvent, `${source} ${id}`);
    }
  }
  return { handled, byEvent, stops };
}

function parse(log: string): Line[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
